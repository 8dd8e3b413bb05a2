/** Control characters besides tab and newline: they would drive the terminal of whoever reads the log. */

const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const REPLACEMENT = "\ufffd";

/** A message as it is kept and shown: lines end in \n, no trailing blank lines, no control characters. */
export function safeMessage(message: string): string {
  return message.replace(/\r\n?/g, "\n").replace(CONTROLS, REPLACEMENT).trimEnd().replace(/^\n+/, "");
}
