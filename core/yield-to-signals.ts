import { VarveError } from "./errors.js";

// Signals belong to the process, so what stops the work is the process's too.
const interruption = new AbortController();
let lastTurn = 0;
let deafness = 0;

/** How long a loop may keep the event loop from hearing a signal. */
const TURN_MILLISECONDS = 50;

/** Makes every long loop end at its next turn. Called by the signal handlers of cli/. */
export function interrupt(signal: NodeJS.Signals): void {
  interruption.abort(signal);
}

/** For work that can be told to stop in its own way, such as a wait. */
export function interruptionSignal(): AbortSignal {
  return interruption.signal;
}

/** Whether it is time for `yieldToSignals`: cheap enough to be asked once an entry. */
export function isTurnDue(): boolean {
  return performance.now() - lastTurn > TURN_MILLISECONDS;
}

/**
 * Lets timers, output and signal handlers run.
 * @throws VarveError INTERRUPTED once `interrupt` was called, except in `unheard`.
 */
export async function yieldToSignals(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  lastTurn = performance.now();
  if (interruption.signal.aborted && deafness === 0) {
    throw new VarveError("INTERRUPTED", `Cannot finish the command: ${String(interruption.signal.reason)} came`);
  }
}

/** Does what no signal may end, such as the taking back of what one has ended. */
export async function unheard<T>(work: () => Promise<T>): Promise<T> {
  deafness += 1;
  try {
    return await work();
  } finally {
    deafness -= 1;
  }
}
