import type { Terminal } from "../terminal.js";

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;

/** Prints a JSON array, one element a line, without ever holding it as a whole. */
export async function printJsonArray(terminal: Terminal, elements: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
  let text = "[";
  let separator = "";
  for await (const element of elements) {
    text += `${separator}${JSON.stringify(element)}`;
    separator = ",\n";
    if (text.length < PIECE) continue;
    terminal.print(text);
    text = "";
  }
  terminal.print(`${text}]\n`);
}

/** Prints one value on one line. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.print(`${JSON.stringify(value)}\n`);
}
