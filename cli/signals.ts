import { constants } from "node:os";
import { interrupt } from "../core/yield-to-signals.js";

const CAUGHT = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

let received: NodeJS.Signals | undefined;

/** From here on a signal ends the work at its next turn, so that nothing is left half-done: see docs/errors.md, INTERRUPTED. */
export function catchSignals(): void {
  for (const signal of CAUGHT) process.on(signal, receive);
}

function receive(signal: NodeJS.Signals): void {
  received = signal;
  interrupt(signal);
}

/** Waits where no turn comes, such as for who writes into a FIFO: a signal ends the process at once. Nothing may be half-done. */
export function endedBySignals<T>(wait: () => T): T {
  const caught = CAUGHT.filter((signal) => process.listeners(signal).includes(receive));
  for (const signal of caught) process.off(signal, receive);
  try {
    return wait();
  } finally {
    for (const signal of caught) process.on(signal, receive);
  }
}

/** What a shell would see if the signal had ended us: 130 for SIGINT, 143 for SIGTERM. `undefined` when none came. */
export function signalStatus(): number | undefined {
  return received === undefined ? undefined : 128 + constants.signals[received];
}
