import { joinPath, type ByteString } from "../model/byte-string.js";
import { changeReasons, linksOf } from "../model/compare-entries.js";
import { nodeAt } from "../model/paths.js";
import type { Tree, TreeNode } from "../model/tree.js";
import { groupByPath, type TreeEdits } from "../trees/edited-tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { asLeaf, type Leaf } from "./compare-nodes.js";
import type { MergeConflict } from "./conflict.js";
import { joinNames, type LinkedName } from "./join-names.js";
import type { MergedTrees, Triple } from "./triple.js";

/**
 * Decides which names share an inode in the merged tree. Names of one inode may stand in directories that nobody looks at otherwise, so that this
 * comes last, when all else is decided.
 */
export class LinkMerge {
  readonly #trees: MergedTrees;
  readonly #edits: TreeEdits;
  readonly #result: Tree;
  /** Names that both sides changed, and that have other names in one of the trees. */
  readonly #seen = new Set<ByteString>();

  constructor(trees: MergedTrees, edits: TreeEdits, result: Tree) {
    this.#trees = trees;
    this.#edits = edits;
    this.#result = result;
  }

  see({ path, base, ours, theirs }: Triple): void {
    if ([base, ours, theirs].some((node) => node !== undefined && linksOf(node) !== undefined)) this.#seen.add(path);
  }

  /** Of a path that is in conflict with all that stands below it: of one side nothing comes into the merged tree. */
  async seeBelow({ path, base, ours, theirs }: Triple): Promise<void> {
    for (const top of [base, ours, theirs]) {
      const pending: [ByteString, TreeNode | undefined][] = [[path, top]];
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        if (isTurnDue()) await yieldToSignals();
        const [place, node] = next;
        if (node === undefined) continue;
        if ("children" in node) for (const [name, child] of node.children()) pending.push([joinPath(place, name), child]);
        else if (node.links !== undefined) this.#seen.add(place);
      }
    }
  }

  /** Whether one side only took a name from an inode that it still has by another: what the other side changed in it is not lost. */
  isLostName({ path, base, ours, theirs }: Triple): boolean {
    const changed = ours ?? theirs;
    const before = base && linksOf(base);
    const now = changed && linksOf(changed);
    if (before === undefined || now === undefined) return false;
    const deleter = ours === undefined ? this.#trees.ours : this.#trees.theirs;
    const names = new Set(before.paths());
    return now.paths().some((name) => name !== path && names.has(name) && nodeAt(deleter, name) !== undefined);
  }

  /** @returns The conflicts, those of one inode's names told once, and those about links. */
  async settle(conflicts: readonly MergeConflict[]): Promise<readonly MergeConflict[]> {
    const done = new Set<ByteString>();
    const added: MergeConflict[] = [];
    const repeated = new Set<ByteString>();
    for (const path of this.#seen) {
      if (done.has(path)) continue;
      const names = await this.#connected(path);
      for (const { path: name } of names) done.add(name);
      const { groups, disputed } = joinNames(names);
      if (disputed !== undefined) {
        added.push(this.#conflict(names, disputed));
        // What else they disagree on in these names is decided with it.
        for (const { path: name } of names) repeated.add(name);
      }
      for (const group of groups) {
        this.#put(group);
        noteRepeated(group, conflicts, repeated);
      }
    }
    return [...conflicts.filter(({ path, disputed }) => disputed.length === 0 || !repeated.has(path)), ...added];
  }

  /** All names that are linked with one in any of the trees, directly or by way of others. */
  async #connected(start: ByteString): Promise<LinkedName[]> {
    const found = new Map<ByteString, LinkedName>();
    const pending = [start];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      if (found.has(path)) continue;
      if (isTurnDue()) await yieldToSignals();
      const name = this.#nameAt(path);
      found.set(path, name);
      for (const node of [name.base, name.ours, name.theirs]) for (const other of node?.links?.paths() ?? []) pending.push(other);
    }
    return [...found.values()].sort(byWalk);
  }

  #nameAt(path: ByteString): LinkedName {
    const { base, ours, theirs } = this.#trees;
    const [inBase, inOurs, inTheirs, merged] = [base, ours, theirs, this.#result].map((tree) => asLeaf(nodeAt(tree, path)));
    return { path, base: inBase, ours: inOurs, theirs: inTheirs, merged };
  }

  #put({ names, node }: { readonly names: readonly LinkedName[]; readonly node: Leaf | undefined }): void {
    const paths = names.map(({ path }) => path);
    const links = paths.length < 2 ? undefined : groupByPath({ paths: () => paths });
    for (const { path, merged } of names) {
      const wanted = node ?? merged;
      if (wanted === undefined) continue;
      const linked =
        "content" in wanted ? { entry: wanted.entry, content: wanted.content, links } : { entry: wanted.entry, links };
      if (merged === undefined || changeReasons(merged, linked).length > 0) this.#edits.set(path, linked);
    }
  }

  #conflict(names: readonly LinkedName[], why: string): MergeConflict {
    const first = names.find(({ merged }) => merged !== undefined) ?? names[0]!;
    const { path, base, ours, theirs } = first;
    return { path, kind: "hardlink", details: [why], disputed: [], isMarked: false, base, ours, theirs };
  }
}

/** What the sides disagree on in an inode is told for its first name. */
function noteRepeated(
  { names }: { readonly names: readonly LinkedName[] },
  conflicts: readonly MergeConflict[],
  repeated: Set<ByteString>,
): void {
  if (names.length < 2 || conflicts.length === 0) return;
  const paths = new Set(names.map(({ path }) => path));
  const own = conflicts.filter(({ path, disputed }) => paths.has(path) && disputed.length > 0);
  for (const { path } of own.slice(1)) repeated.add(path);
}

/** Depth first, names in byte order. */
function byWalk({ path: a }: LinkedName, { path: b }: LinkedName): number {
  const [x, y] = [a.replaceAll("/", "\0"), b.replaceAll("/", "\0")];
  return x < y ? -1 : x > y ? 1 : 0;
}
