import { interruptionSignal, yieldToSignals } from "../core/yield-to-signals.js";
import type { Terminal } from "./terminal.js";

/** Whether there is a person to ask: one who reads stderr and types on stdin. */
export async function canAsk(): Promise<boolean> {
  const { isatty } = await import("node:tty");
  return isatty(0) && isatty(2);
}

/**
 * Asks on the terminal for one line. Without one, as after Ctrl-D, the answer is empty.
 * @throws VarveError INTERRUPTED on Ctrl-C.
 */
export async function ask({ complain }: Terminal, question: string): Promise<string> {
  complain(`${question} `);
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: process.stdin, terminal: false, signal: interruptionSignal() });
  const answer = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  lines.close();
  // Else an open stdin keeps the process.
  process.stdin.pause();
  await yieldToSignals();
  return answer.trim();
}

/** The same for what nobody should see: nothing of it is shown. */
export async function askSecret({ complain }: Terminal, question: string): Promise<string> {
  complain(`${question} `);
  const { createInterface } = await import("node:readline");
  const { Writable } = await import("node:stream");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, signal: interruptionSignal() });
  // A terminal that gives each byte sends no signal.
  lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const answer = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  lines.close();
  process.stdin.pause();
  complain("\n");
  await yieldToSignals();
  return answer;
}
