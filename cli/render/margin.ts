import type { Terminal } from "../terminal.js";

/** A terminal on which each line stands behind a margin. Whole lines are printed on it. @param margin Plain characters and colours. */
export function withMargin(terminal: Terminal, margin: string): Terminal {
  const beside = (text: string): string =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => `${line === "" ? margin.trimEnd() : margin + line}\n`)
      .join("");
  return {
    ...terminal,
    print: (text) => terminal.print(beside(text)),
    // Latin-1 keeps each byte.
    write: (bytes) => terminal.write(Buffer.from(beside(Buffer.from(bytes).toString("latin1")), "latin1")),
  };
}
