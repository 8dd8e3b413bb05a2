import os from "node:os";
import { companionsOf, sendSignal, signalDisposition } from "./container-process.js";

/** A keyboard sends these to all that run in the foreground, not to one process. */
const FROM_KEYBOARD: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const POLL_MILLISECONDS = 10;

export interface ForwardedSignals {
  /** The first one that came. */
  readonly first: NodeJS.Signals | undefined;
  stop(): void;
}

/**
 * While a container runs, signals to this process are the container's: its first process gets them when it handles them, and
 * those of a keyboard all its processes, as in a terminal. One that the first would not even notice kills it, and so does a second one.
 *
 * @param livingPid The container's first process; `undefined` while it is not there yet, or not yet the container's program.
 * @param killRuntime Ends a runtime that is still starting the container.
 */
export function forwardSignals(livingPid: () => number | undefined, killRuntime: () => void): ForwardedSignals {
  let first: NodeJS.Signals | undefined;
  let timer: NodeJS.Timeout | undefined;
  const forward = (signal: NodeJS.Signals, kill: boolean): void => {
    const pid = livingPid();
    if (pid !== undefined) {
      const handled = !kill && signalDisposition(pid, os.constants.signals[signal]) === "handled";
      // It comes first: a shell that sees its child end by a signal, and has none itself, would go on.
      sendSignal(pid, handled ? signal : "SIGKILL");
      if (handled && FROM_KEYBOARD.includes(signal)) for (const other of companionsOf(pid)) sendSignal(other, signal);
    } else if (kill) killRuntime();
    else timer = setTimeout(() => forward(signal, kill), POLL_MILLISECONDS);
  };
  const listener = (signal: NodeJS.Signals): void => {
    const isSecond = first !== undefined;
    first ??= signal;
    forward(signal, isSecond);
  };
  for (const signal of FORWARDED) process.on(signal, listener);
  return {
    get first() {
      return first;
    },
    stop: () => {
      clearTimeout(timer);
      for (const signal of FORWARDED) process.removeListener(signal, listener);
    },
  };
}
