import { joinPath, type ByteString } from "../model/byte-string.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";

/** One path in one or both of two trees. */
export interface NodePair {
  readonly path: ByteString;
  readonly name: ByteString;
  readonly before: TreeNode | undefined;
  readonly after: TreeNode | undefined;
  /** The directories that hold it; absent for the root. */
  readonly parent: NodePair | undefined;
}

/**
 * `node`: a pair without anything to walk below, be it that neither is a directory or that both are known to hold the same.
 * `enter` and `leave` stand round the children of a pair of which at least one is a directory.
 */
export interface PairEvent extends NodePair {
  readonly kind: "node" | "enter" | "leave";
}

export function isDirectory(node: TreeNode | undefined): node is DirectoryNode {
  return node?.entry.type === "directory";
}

type Cursor = Iterator<readonly [ByteString, TreeNode]>;

interface Level {
  readonly pair: NodePair;
  readonly before: Cursor | undefined;
  readonly after: Cursor | undefined;
  nextBefore: readonly [ByteString, TreeNode] | undefined;
  nextAfter: readonly [ByteString, TreeNode] | undefined;
}

/**
 * Walks two trees side by side, depth first, names in byte order. Where both know their digests and these are equal it does
 * not go down: the cost follows the difference. The stack is ours, so that depth is bounded by memory alone.
 */
export function* walkTreePair(before: Tree, after: Tree): Generator<PairEvent> {
  const empty = "" as ByteString;
  const root: NodePair = { path: empty, name: empty, before: before.root, after: after.root, parent: undefined };
  if (!needsDescent(root)) {
    yield { kind: "node", ...root };
    return;
  }
  const levels: Level[] = [enter(root)];
  yield { kind: "enter", ...root };
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const pair = nextPair(level);
    if (pair === undefined) {
      levels.pop();
      yield { kind: "leave", ...level.pair };
    } else if (needsDescent(pair)) {
      yield { kind: "enter", ...pair };
      levels.push(enter(pair));
    } else yield { kind: "node", ...pair };
  }
}

function needsDescent({ before, after }: NodePair): boolean {
  if (!isDirectory(before) || !isDirectory(after)) return isDirectory(before) || isDirectory(after);
  return before !== after && (before.digest === undefined || before.digest !== after.digest);
}

function enter(pair: NodePair): Level {
  const before = isDirectory(pair.before) ? pair.before.children()[Symbol.iterator]() : undefined;
  const after = isDirectory(pair.after) ? pair.after.children()[Symbol.iterator]() : undefined;
  return { pair, before, after, nextBefore: advance(before), nextAfter: advance(after) };
}

function advance(cursor: Cursor | undefined): readonly [ByteString, TreeNode] | undefined {
  const step = cursor?.next();
  return step === undefined || step.done === true ? undefined : step.value;
}

function nextPair(level: Level): NodePair | undefined {
  const { nextBefore, nextAfter } = level;
  if (nextBefore === undefined && nextAfter === undefined) return undefined;
  const takeBefore = nextBefore !== undefined && (nextAfter === undefined || nextBefore[0] <= nextAfter[0]);
  const takeAfter = nextAfter !== undefined && (nextBefore === undefined || nextAfter[0] <= nextBefore[0]);
  const name = (takeBefore ? nextBefore[0] : nextAfter?.[0]) as ByteString;
  if (takeBefore) level.nextBefore = advance(level.before);
  if (takeAfter) level.nextAfter = advance(level.after);
  return {
    path: joinPath(level.pair.path, name),
    name,
    before: takeBefore ? nextBefore[1] : undefined,
    after: takeAfter ? nextAfter[1] : undefined,
    parent: level.pair,
  };
}
