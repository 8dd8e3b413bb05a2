import { VarveError } from "../../core/errors.js";
import { S_IFMT, S_IFREG } from "../../linux/stat.js";
import type { UserDatabase } from "./container-user.js";
import { destinationOf, isSystemPlace } from "./path-destination.js";
import { readRootFile, rootFileMode } from "./root-files.js";

/** A user database of more bytes is none. */
const LONGEST_TEXT = 4 * 1024 * 1024;
/** runc reads /etc/passwd by Go's bufio.Scanner, which takes shorter lines alone; those of /etc/group may be longer. */
const LONGEST_PASSWD_LINE = 64 * 1024 - 1;

/**
 * The texts of a root's /etc/passwd and /etc/group; empty when they are absent. Runtimes read them too, whatever they are: at a FIFO
 * they would wait for ever, of /dev/zero read until the memory is full.
 *
 * @throws VarveError RUNTIME_FAILED when one can't be a list of users.
 */
export function readUserDatabase(root: number): UserDatabase {
  const passwd = readText(root, "etc/passwd");
  const long = longLine(passwd);
  if (long !== undefined) {
    throw unfit("etc/passwd", `it has a line of ${long} bytes, wanted at most ${LONGEST_PASSWD_LINE}`);
  }
  return { passwd: passwd.toString("utf8"), group: readText(root, "etc/group").toString("utf8") };
}

function readText(root: number, path: string): Buffer {
  const place = destinationOf(root, path);
  if (place === "/dev/null") return Buffer.alloc(0);
  if (isSystemPlace(place)) throw unfit(path, `it leads to "${Buffer.from(place, "latin1").toString("utf8")}"`);
  const mode = rootFileMode(root, path);
  if (mode !== undefined && (mode & S_IFMT) !== S_IFREG) throw unfit(path, "it is no regular file");
  return readRootFile(root, path, (size) => {
    if (size > LONGEST_TEXT) throw unfit(path, `it has ${size} bytes, wanted at most ${LONGEST_TEXT}`);
    return size;
  });
}

/** @returns The length of the first line that is too long. */
function longLine(bytes: Buffer): number | undefined {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end - start > LONGEST_PASSWD_LINE) return end - start;
    start = end + 1;
  }
  return undefined;
}

function unfit(path: string, state: string): VarveError {
  return new VarveError(
    "RUNTIME_FAILED",
    `Cannot start the container: its "/${path}" can't be read as a list of users, ${state}`,
    {
      hint: "Replace it in the tree that the container stands on, then commit or import that again.",
    },
  );
}
