import type { ByteString } from "../model/byte-string.js";

/** As git: what has a NUL so early is no text. */
const PROBED_BYTES = 8000;

/** Whether content is text, to be compared line by line. @param start The content, or its first 8,000 bytes. */
export function isText(start: Uint8Array): boolean {
  return !start.subarray(0, PROBED_BYTES).includes(0);
}

/** Each line with its newline; the last one may lack it. */
export function splitLines(content: ByteString): ByteString[] {
  const lines: ByteString[] = [];
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf("\n", start);
    const end = newline === -1 ? content.length : newline + 1;
    lines.push(content.slice(start, end) as ByteString);
    start = end;
  }
  return lines;
}
