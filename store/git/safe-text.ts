import { VarveError } from "../../core/errors.js";
import { safeMessage } from "../../core/text/safe-message.js";

/** @throws VarveError USAGE: what a NUL cuts off would be lost in git. */
export function checkedMessage(message: string): string {
  if (!message.includes("\0")) return safeMessage(message);
  throw new VarveError("USAGE", "Cannot commit with this message: it holds a NUL character", {
    hint: "Give the message as plain text.",
  });
}

const TRIMMED = /[\s.,:;"'\\]/;

/** A name or an address as git keeps it: one line, without `<` and `>`, and without what git trims from the ends. */
export function safePersonPart(text: string): string {
  const line = text.replace(/[<>]/g, "").replace(/[\x00-\x20\x7f-\x9f]+/g, " ");
  // By hand: a pattern for the end begins anew at each such character of a long line.
  let end = line.length;
  while (end > 0 && TRIMMED.test(line[end - 1]!)) end -= 1;
  let start = 0;
  while (start < end && TRIMMED.test(line[start]!)) start += 1;
  return line.slice(start, end);
}
