import { VarveError } from "../../errors.js";
import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { EntryType } from "../../model/entry.js";
import type { CommitId } from "../../model/ids.js";
import { nodeAt, treePathText } from "../../model/paths.js";
import type { Tree } from "../../model/tree.js";
import type { Repository } from "../../ports/repository.js";
import type { LineRange } from "../../text/line-ranges.js";
import { listTree } from "../../trees/list-tree.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { blameFile, type BlamedFile } from "./blame-file.js";
import { blamePaths } from "./blame-paths.js";
import { FileVersions } from "./file-versions.js";
import { openCommitTree } from "../targets.js";

/** A path, and the commit that last changed it or something below it. */
export interface BlamedPath {
  readonly path: ByteString;
  readonly type: EntryType;
  /** `undefined` for what is not committed as it is. */
  readonly commit: Commit | undefined;
}

export type Blame = { readonly kind: "paths"; readonly paths: readonly BlamedPath[] } | ({ readonly kind: "lines" } & BlamedFile);

export interface BlameOptions {
  /** All that stands below a directory, not its children alone. */
  readonly recursive: boolean;
  /** Of a text file, these lines alone. */
  readonly lines?: readonly LineRange[];
}

/**
 * Who brought what stands at a path: of a text file each line, of a directory each path below it, of anything else the path itself.
 *
 * @throws VarveError PATH_MISSING; WRONG_TYPE where lines are asked for and there are none.
 */
export async function blame(
  repository: Repository,
  from: CommitId,
  path: ByteString,
  { recursive, lines: ranges = [] }: BlameOptions,
): Promise<Blame> {
  const versions = new FileVersions(repository);
  try {
    const types = await listTypes(repository, from, path, recursive);
    if (types.get(path) === "file") {
      const newest = await versions.find(from, path);
      const lines = newest && (await blameFile(versions, newest, ranges));
      if (lines !== undefined) return { kind: "lines", ...lines };
    }
    if (ranges.length > 0) throw withoutLines(path);
    const found = await blamePaths(repository, versions, from, path, types.keys());
    const paths = [...types].map(([each, type]) => ({ path: each, type, commit: found.get(each) }));
    return { kind: "paths", paths };
  } finally {
    repository.layers.keepNames?.();
  }
}

/** The path itself, or what stands below it. */
async function listTypes(
  repository: Repository,
  from: CommitId,
  path: ByteString,
  recursive: boolean,
): Promise<ReadonlyMap<ByteString, EntryType>> {
  const tree = await openCommitTree(repository, from);
  try {
    if (nodeAt(tree, path) === undefined) throw missing(path, from);
    return await typesBelow(tree, path, recursive);
  } finally {
    tree.close();
  }
}

/** What `blame` has a row for, when it has none for lines. */
export async function typesBelow(tree: Tree, path: ByteString, recursive: boolean): Promise<ReadonlyMap<ByteString, EntryType>> {
  const types = new Map<ByteString, EntryType>();
  for (const { path: each, node } of listTree(tree, path, { recursive })) {
    if (isTurnDue()) await yieldToSignals();
    types.set(each, node.entry.type);
  }
  return types;
}

export function withoutLines(path: ByteString): VarveError {
  return new VarveError("WRONG_TYPE", `Cannot blame lines of "${treePathText(path)}": it is no text file`, {
    path: treePathText(path),
  });
}

function missing(path: ByteString, commit: CommitId): VarveError {
  return new VarveError("PATH_MISSING", `Cannot blame "${treePathText(path)}": no such path in commit ${commit.slice(0, 12)}`, {
    path: treePathText(path),
    hint: "Look for it in all versions: varve find PATH.",
  });
}
