import type { ByteString } from "../model/byte-string.js";
import type { Change } from "../model/change.js";
import { changeReasons, readDigest } from "../model/compare-entries.js";
import type { FileNode, Tree, TreeNode } from "../model/tree.js";
import { inTurns, type Turns } from "../turns.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { listTree } from "./list-tree.js";

/** A file of the old tree that an added one may be a copy of. */
interface Origin {
  readonly path: ByteString;
  readonly node: FileNode;
}

/**
 * Makes of added files whose content a file of the old tree has copies of it: `C`, with `from` and what else differs. Empty files are left alone.
 *
 * @param changes What differs from `before`, renames found.
 * @param wholeTree Looks through all of the old tree, not only through what changed in it.
 */
export async function detectCopies(changes: readonly Change[], before: Tree, wholeTree = false): Promise<readonly Change[]> {
  const sizes = new Set(changes.filter(({ status }) => status === "A").map(({ after }) => contentSize(after)));
  sizes.delete(0);
  if (sizes.size === 0) return changes;
  const origins = new Origins();
  for (const change of changes)
    if (sizes.has(contentSize(change.before))) await origins.add(change.from ?? change.path, change.before);
  if (wholeTree) {
    for (const { path, node } of listTree(before, "" as ByteString, { recursive: true })) {
      if (isTurnDue()) await yieldToSignals();
      if (sizes.has(contentSize(node))) await origins.add(path, node);
    }
  }
  const found: Change[] = [];
  for (const change of changes) {
    if (isTurnDue()) await yieldToSignals();
    found.push(await inTurns(copyOf(change, origins)));
  }
  return found;
}

/** By digest; the first in the order in which they come. */
class Origins {
  readonly #byDigest = new Map<string, Origin>();
  readonly #sizes = new Set<number>();

  async add(path: ByteString, node: TreeNode | undefined): Promise<void> {
    if (!isFile(node)) return;
    await inTurns(readDigest(node.content));
    const digest = node.content.digest();
    this.#sizes.add(node.entry.size);
    if (!this.#byDigest.has(digest)) this.#byDigest.set(digest, { path, node });
  }

  /** Whether it is worth reading a file of this size. */
  hasSize(size: number): boolean {
    return this.#sizes.has(size);
  }

  find(digest: string): Origin | undefined {
    return this.#byDigest.get(digest);
  }
}

function* copyOf(change: Change, origins: Origins): Turns<Change> {
  const { status, after } = change;
  if (status !== "A" || !isFile(after) || after.entry.size === 0) return change;
  if (!origins.hasSize(after.entry.size)) return change;
  yield* readDigest(after.content);
  const digest = after.content.digest();
  const origin = origins.find(digest);
  if (origin === undefined) return change;
  const reasons = changeReasons(origin.node, after).filter((reason) => reason !== "link");
  return { path: change.path, status: "C", reasons, from: origin.path, before: origin.node, after };
}

function isFile(node: TreeNode | undefined): node is FileNode {
  return node?.entry.type === "file";
}

function contentSize(node: TreeNode | undefined): number {
  return isFile(node) ? node.entry.size : 0;
}
