import { VarveError } from "../../errors.js";
import { byteStringOf, joinPath, type ByteString } from "../../model/byte-string.js";
import type { CommitId } from "../../model/ids.js";
import { nodeAt, treePathText } from "../../model/paths.js";
import type { Tree, TreeNode } from "../../model/tree.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { differsAt } from "../../trees/differs-at.js";
import { readFileAt } from "../../trees/list-tree.js";
import { isDirectory } from "../../trees/walk-tree-pair.js";
import { openLiveTree, type LiveTree, type Target } from "../targets.js";
import { typesBelow, withoutLines, type Blame, type BlameOptions } from "./blame.js";
import { blameLiveFile, LARGEST_TEXT_BYTES, type BlamedFile } from "./blame-file.js";
import { blamePaths } from "./blame-paths.js";
import { FileVersions, type FileVersion } from "./file-versions.js";

/**
 * What `blame` tells, of a target as it is now: what is not committed has no commit. A file that was moved since is followed.
 *
 * @throws VarveError PATH_MISSING; WRONG_TYPE where lines are asked for and there are none; SOURCE_CHANGED.
 */
export async function blameLive(
  repository: Repository,
  target: Target,
  path: ByteString,
  { recursive, lines: ranges = [] }: BlameOptions,
): Promise<Blame> {
  const trees = await openLiveTree(repository, target);
  const versions = new FileVersions(repository);
  try {
    const node = nodeAt(trees.live, path);
    if (node === undefined) throw missing(path, target, trees);
    const lines = await blameLines(versions, trees, path, node, ranges);
    if (lines !== undefined) return { kind: "lines", ...lines };
    if (ranges.length > 0) throw withoutLines(path);
    const types = await typesBelow(trees.live, path, recursive);
    const isOwn = await ownPaths(trees, path);
    const { commit: head } = trees.head;
    const older = [...types.keys()].filter((each) => !isOwn(each));
    const found = head === undefined ? undefined : await blamePaths(repository, versions, head, path, older);
    return { kind: "paths", paths: [...types].map(([each, type]) => ({ path: each, type, commit: found?.get(each) })) };
  } finally {
    trees.close();
    repository.layers.keepNames?.();
  }
}

/** @returns `undefined` for what is no text. */
async function blameLines(
  versions: FileVersions,
  trees: LiveTree,
  path: ByteString,
  node: TreeNode,
  ranges: NonNullable<BlameOptions["lines"]>,
): Promise<BlamedFile | undefined> {
  if (!("content" in node) || node.content.size > LARGEST_TEXT_BYTES) return undefined;
  const content = await contentAt(trees.live, path);
  return blameLiveFile(versions, { path, content }, await committedVersion(versions, trees, path), ranges);
}

async function contentAt(tree: Tree, path: ByteString): Promise<ByteString> {
  const pieces: Uint8Array[] = [];
  await readFileAt(tree, path, async (piece) => void pieces.push(piece));
  return byteStringOf(Buffer.concat(pieces));
}

/** What HEAD has in its place, or where it was moved from. */
async function committedVersion(
  versions: FileVersions,
  { head, committed, live }: LiveTree,
  path: ByteString,
): Promise<FileVersion | undefined> {
  if (head.commit === undefined) return undefined;
  const former = nodeAt(committed, path) === undefined ? await renamedFrom(committed, live, path) : path;
  return former === undefined ? undefined : versions.find(head.commit, former);
}

async function renamedFrom(committed: Tree, live: Tree, path: ByteString): Promise<ByteString | undefined> {
  return (await compareTrees(committed, live)).find((change) => change.status === "R" && change.path === path)?.from;
}

/** Which paths are not in HEAD what they are now, or have something such below them. */
async function ownPaths({ committed, live }: LiveTree, place: ByteString): Promise<(path: ByteString) => boolean> {
  const [before, after] = [nodeAt(committed, place), nodeAt(live, place)];
  if (!isDirectory(before) || !isDirectory(after)) {
    const isAll = differsAt(committed, live, place);
    return () => isAll;
  }
  const close = (): void => undefined;
  const own = new Set<ByteString>();
  for (const { path, from } of await compareTrees({ root: before, close }, { root: after, close })) {
    for (const each of [path, from ?? path]) addWithAbove(own, place, each);
  }
  return (path) => own.has(path);
}

function addWithAbove(own: Set<ByteString>, place: ByteString, below: ByteString): void {
  for (let end = below.length; end > 0; end = below.lastIndexOf("/", end - 1)) {
    own.add(joinPath(place, below.slice(0, end) as ByteString));
  }
}

function missing(path: ByteString, target: Target, { head, committed }: LiveTree): VarveError {
  const where = target.kind === "directory" ? "the tracked directory" : `the container ${target.record.name}`;
  const { commit } = head;
  const isCommitted = commit !== undefined && nodeAt(committed, path) !== undefined;
  return new VarveError("PATH_MISSING", `Cannot blame "${treePathText(path)}": no such path in ${where} as it is now`, {
    path: treePathText(path),
    hint: isCommitted ? committedHint(commit, path) : "Look for it in all versions: varve find PATH.",
  });
}

function committedHint(commit: CommitId, path: ByteString): string {
  return `Its last commit has it: varve blame ${commit.slice(0, 10)} -- ${treePathText(path)}`;
}
