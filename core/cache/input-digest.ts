import { posix } from "node:path";
import { VarveError } from "../errors.js";
import { bytesOfText, textOf } from "../model/byte-string.js";
import type { PlainDirectories } from "../ports/plain-directories.js";
import { timelessDigest } from "../trees/timeless-digest.js";
import { inTurns } from "../turns.js";

/** What the kernel follows. */
const MOST_SYMLINKS = 40;

/**
 * The digest of a file, or of a directory with all below it, whatever its times: names, types, modes, owners, xattrs, contents. A symlink at
 * the end of the path is followed, as by a mount; those below are what they are.
 *
 * @param path Absolute.
 * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED, INTERRUPTED.
 */
export async function digestInput(directories: PlainDirectories, path: string): Promise<string> {
  let place = posix.resolve(path);
  for (let links = 0; links <= MOST_SYMLINKS; links += 1) {
    if (place === "/") return digestDirectory(directories, place);
    const tree = directories.openUnscanned(posix.dirname(place));
    try {
      const node = tree.root.child(bytesOfText(posix.basename(place)));
      if (node === undefined) throw missing(path);
      if (node.entry.type === "directory") return await digestDirectory(directories, place);
      if (node.entry.type !== "symlink") return await inTurns(timelessDigest(node));
      place = posix.resolve(posix.dirname(place), textOf(node.entry.target));
    } finally {
      tree.close();
    }
  }
  throw missing(path);
}

async function digestDirectory(directories: PlainDirectories, place: string): Promise<string> {
  const tree = directories.openUnscanned(place);
  try {
    return await inTurns(timelessDigest(tree.root));
  } finally {
    tree.close();
  }
}

function missing(path: string): VarveError {
  return new VarveError("SOURCE_MISSING", `Cannot read the input "${path}": there is no such file or directory`, { path });
}
