import { VarveError } from "../core/errors.js";
import { normalizePath } from "../core/model/paths.js";
import type { ByteString } from "../core/model/byte-string.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import { parseSide } from "../core/operations/sides.js";
import type { Repository } from "../core/ports/repository.js";
import { imageRef, isImageReference } from "../core/revision/ref-names.js";
import { splitRange, splitRevisionPath, type RevisionRange } from "../core/revision/parse-revision.js";
import { bytesOfWord } from "./process-arguments.js";

export interface SidePath {
  /** A revision, `@` or `@NAME`. */
  readonly side: string;
  readonly path: ByteString;
}

/** Splits `REV:PATH`. No path: the root. */
export async function splitSidePath(repository: Repository, word: string): Promise<SidePath> {
  const { side, path = "" as ByteString } = await findSidePath(repository, word);
  return { side, path };
}

/**
 * The same in a store, where `debian:12` may be an image reference: then `debian:12` has no path, and `debian:12:/etc` has.
 *
 * @returns No path where the word has none.
 */
export async function findSidePath(
  { history }: Repository,
  word: string,
): Promise<{ readonly side: string; readonly path: ByteString | undefined }> {
  const ends = [word.length, ...[...word.matchAll(/:/g)].map(({ index }) => index).reverse()];
  for (const end of ends) {
    const side = word.slice(0, end);
    const name = /^[^~^]*?(?=@\{|[~^]|$)/.exec(side)?.[0] ?? "";
    // What stands behind the name may be steps, `~2`, and no path.
    if (side.slice(name.length).includes(":") || !isImageReference(name) || (await history.readRef(imageRef(name))) === undefined)
      continue;
    return { side, path: end === word.length ? undefined : normalizePath(bytesOfWord(word.slice(end + 1))) };
  }
  const { revision, path } = splitRevisionPath(word);
  return { side: revision, path: path === undefined ? undefined : normalizePath(bytesOfWord(path)) };
}

/** @throws VarveError REVISION_UNKNOWN, REVISION_AMBIGUOUS; WRONG_TYPE for a live tree, which is no commit. */
export async function commitOf(repository: Repository, word: string, head?: RefName): Promise<CommitId> {
  const side = await parseSide(repository, word, { head });
  if (side.kind === "commit" && side.commit !== undefined) return side.commit;
  throw new VarveError("WRONG_TYPE", `Cannot use "${word}" here: it is a live tree, wanted a commit`, {
    hint: 'Record it first with "varve commit", or name a branch, a tag or a commit id.',
  });
}

/** `A..B` and `A...B`, with HEAD for what is left out; `undefined` for anything else. @throws VarveError REVISION_UNKNOWN. */
export function splitRangeWord(word: string): RevisionRange | undefined {
  return word === ".." || word === "..." || isPathWord(word) ? undefined : splitRange(word);
}

function isPathWord(word: string): boolean {
  return word.includes("../") || word.includes("/..");
}
