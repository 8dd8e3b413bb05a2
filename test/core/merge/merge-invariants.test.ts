import test from "ava";
import fc from "fast-check";
import type { Tree, TreeNode } from "../../../core/model/tree.js";
import { conflictedTree } from "../../../core/merge/conflicted-tree.js";
import { mergeTrees, type MergedTree } from "../../../core/merge/merge-trees.js";
import { type DescribedEntry, describeTree } from "../../contracts/described-tree.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { digestedTree } from "../../helpers/digested-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = (path: string, more: object = {}): DescribedEntry => ({ path, type: "directory", ...more });
const file = (path: string, content: string, more: object = {}): DescribedEntry => ({ path, type: "file", content, ...more });
const ROOT = directory("");

const merge = (base: Tree, ours: Tree, theirs: Tree): Promise<MergedTree> =>
  mergeTrees(base, ours, theirs, { labels: { ours: "main", theirs: "topic" } });

test("mergeTrees() of a tree with what it comes from gives it, whichever side is which", async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, arbitraryTree, async (one, other) => {
      const [base, changed] = [memoryTree(one), memoryTree(other)];
      const wanted = describeTree(changed);
      for (const [ours, theirs] of [
        [changed, base],
        [base, changed],
        [changed, changed],
      ] as const) {
        const { tree, conflicts } = await merge(base, ours, theirs);
        t.deepEqual(conflicts, []);
        t.deepEqual(describeTree(tree), wanted);
      }
    }),
    { numRuns: 300 },
  );
});

test("mergeTrees() gives a sound tree, and without conflicts the same both ways", async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, arbitraryTree, arbitraryTree, async (one, two, three) => {
      const [base, ours, theirs] = [memoryTree(one), memoryTree(two), memoryTree(three)];
      const there = await merge(base, ours, theirs);
      requireSoundLinks(describeTree(there.tree));
      requireSoundLinks(describeTree(conflictedTree(there, { base, ours, theirs }).tree));
      const back = await merge(base, theirs, ours);
      t.is(there.conflicts.length === 0, back.conflicts.length === 0);
      if (there.conflicts.length === 0) t.deepEqual(describeTree(there.tree), describeTree(back.tree));
    }),
    { numRuns: 1000 },
  );
});

test("mergeTrees() gives the same whether directories know their digests or not, and looks into none that one side alone changed", async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, arbitraryTree, arbitraryTree, async (one, two, three) => {
      const [base, ours, theirs] = [memoryTree(one), memoryTree(two), memoryTree(three)];
      const plain = await merge(base, ours, theirs);
      const quick = await merge(digestedTree(base), digestedTree(ours), digestedTree(theirs));
      t.deepEqual(describeTree(quick.tree), describeTree(plain.tree));
      const told = ({ conflicts }: MergedTree): unknown => conflicts.map(({ path, kind, details }) => ({ path, kind, details }));
      t.deepEqual(told(quick), told(plain));
      const shown = conflictedTree(quick, { base: digestedTree(base), ours: digestedTree(ours), theirs: digestedTree(theirs) });
      t.deepEqual(describeTree(shown.tree), describeTree(conflictedTree(plain, { base, ours, theirs }).tree));
    }),
    { numRuns: 1000 },
  );
  const closed = (name: string): DescribedEntry[] => [directory(name), file(`${name}/a`, "1"), directory(`${name}/sub`)];
  const [one, two] = [[...closed("d"), ...closed("e")], closed("e").map((entry) => ({ ...entry, mode: 0o700 }))];
  const base = sealed(digestedTree(memoryTree([ROOT, ...one])));
  const ours = sealed(digestedTree(memoryTree([ROOT, ...closed("d"), ...two])));
  const theirs = sealed(digestedTree(memoryTree([ROOT, ...closed("d").map((entry) => ({ ...entry, uid: 5 })), ...closed("e")])));
  t.deepEqual((await merge(base, ours, theirs)).conflicts, []);
});

/** A tree in which only the root may be looked into. */
function sealed({ root, close }: Tree): Tree {
  const seal = (node: TreeNode): TreeNode => {
    if (!("children" in node)) return node;
    const refuse = (): never => {
      throw new TypeError("looked into a directory that only one side changed");
    };
    return { entry: node.entry, digest: node.digest, children: refuse, child: refuse };
  };
  return {
    root: {
      entry: root.entry,
      digest: root.digest,
      *children() {
        for (const [name, node] of root.children()) yield [name, seal(node)];
      },
      child: (name) => root.child(name),
    },
    close,
  };
}

/** Each name of a group is there, says the same of the group, and has the same properties. */
function requireSoundLinks(nodes: readonly Record<string, unknown>[]): void {
  const byPath = new Map(nodes.map((node) => [node["path"], node]));
  for (const { path, ...node } of nodes) {
    for (const other of node["links"] as readonly string[]) {
      const { path: _, ...rest } = byPath.get(other) ?? { path: "" };
      if (JSON.stringify(rest) !== JSON.stringify(node))
        throw new TypeError(`${String(path)} and ${other} are one inode, and differ`);
    }
  }
}
