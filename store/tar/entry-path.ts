import type { ByteString } from "../../core/model/byte-string.js";
import { MAX_DEPTH, MAX_LONG_NAME_BYTES, MAX_NAME_BYTES } from "./limits.js";
import type { Fail } from "./tar-fault.js";

/**
 * An archive's path as names below the root, none for the root itself. Slashes at the ends, doubled slashes and `.` mean nothing;
 * `..` is refused wherever it stands, and so is the empty path. A backslash is a byte like any other.
 *
 * @param what For the message: `its path`, `its target`.
 */
export function splitEntryPath(path: ByteString, what: string, fail: Fail): ByteString[] {
  if (path === "") return fail(`${what} is empty`);
  if (path.length > MAX_LONG_NAME_BYTES) return fail(`${what} has ${path.length} bytes, expected at most ${MAX_LONG_NAME_BYTES}`);
  if (path.includes("\0")) return fail(`${what} has a NUL`);
  const names: ByteString[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") return fail(`${what} has "..", which may lead out of the archive`);
    if (name.length > MAX_NAME_BYTES)
      return fail(`${what} has a name of ${name.length} bytes, expected at most ${MAX_NAME_BYTES}`);
    names.push(name as ByteString);
  }
  if (names.length > MAX_DEPTH) return fail(`${what} is more than ${MAX_DEPTH} directories deep`);
  return names;
}
