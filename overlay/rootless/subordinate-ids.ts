import { readFileSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";

/** Ids that an administrator gave a user, beside the user's own. */
export interface SubordinateRange {
  readonly first: number;
  readonly count: number;
}

/** The largest range of a user. @param file /etc/subuid or /etc/subgid. @returns `undefined` when there is none. */
export function subordinateRange(
  file: string,
  user: { readonly name: string; readonly uid: number },
): SubordinateRange | undefined {
  return largestRange(readOrNothing(file), user);
}

/** The kernel's (uid_t) -1, which is no id. */
const NO_ID = 0xffffffff;

/**
 * @param text Of the form that subuid(5) tells. Lines of another form are passed over, as shadow's own programs do: also those
 *   with a space or a carriage return. Of a range that goes beyond the kernel's ids the part below counts.
 */
export function largestRange(
  text: string,
  { name, uid }: { readonly name: string; readonly uid: number },
): SubordinateRange | undefined {
  let largest: SubordinateRange | undefined;
  for (const line of text.split("\n")) {
    const [owner, first, count, ...rest] = line.split(":");
    if (rest.length > 0 || (owner !== name && owner !== String(uid)) || !isNumber(first) || !isNumber(count)) continue;
    const range = { first: Number(first), count: Math.min(Number(count), NO_ID - Number(first), NO_ID - 1) };
    if (range.count > (largest?.count ?? 0)) largest = range;
  }
  return largest;
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^[0-9]{1,10}$/.test(text) && Number(text) <= NO_ID;
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return "";
    throw error;
  }
}
