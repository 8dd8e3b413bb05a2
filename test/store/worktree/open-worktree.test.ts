import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { TreeId } from "../../../core/model/ids.js";
import type { DirectoryNode, FileNode, Tree } from "../../../core/model/tree.js";
import type { Worktree } from "../../../core/ports/worktree.js";
import { atOnce } from "../../../core/turns.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { applyTree, writeTree } from "../../../store/directory/write-directory.js";
import { openWorktree } from "../../../store/worktree/open-worktree.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { INDEXED_ENTRIES, statIndexContract } from "../../contracts/stat-index-contract.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const ID = "1".repeat(64) as TreeId;
const OTHER_ID = "2".repeat(64) as TreeId;

interface Tracked {
  readonly directory: string;
  readonly indexFile: string;
  readonly worktree: Worktree;
  readonly head: Tree;
}

/** A directory that holds INDEXED_ENTRIES, and an index that says so. */
async function trackedDirectory(t: ExecutionContext, entries: readonly DescribedEntry[] = INDEXED_ENTRIES): Promise<Tracked> {
  const directory = path.join(temporaryDirectory(t), "tracked");
  const head = memoryTree(entries);
  atOnce(writeTree(head, directory));
  const mtime = statSync(directory, { bigint: true });
  mkdirSync(path.join(directory, ".varve"));
  execFileSync("touch", [
    "-d",
    `@${mtime.mtimeNs / 1_000_000_000n}.${String(mtime.mtimeNs % 1_000_000_000n).padStart(9, "0")}`,
    directory,
  ]);
  const layout = { worktree: path.join(directory, ".varve", "worktree"), scratch: path.join(directory, ".varve", "scratch") };
  mkdirSync(layout.scratch);
  const worktree = await openWorktree(directory, layout);
  worktree.remember(head, ID);
  return { directory, indexFile: path.join(layout.worktree, "index"), worktree, head };
}

function at(root: DirectoryNode, where: string): unknown {
  return where.split("/").reduce<unknown>((node, name) => (node as DirectoryNode).child(name as ByteString), root);
}

function truth(directory: string): ReturnType<typeof describeTree> {
  const tree = openDirectoryTree(directory, { exclude: [".varve"] });
  try {
    return describeTree(tree);
  } finally {
    tree.close();
  }
}

treeContract(
  test,
  "tracked directory",
  async (entries, t) => {
    const { worktree, head } = await trackedDirectory(t, entries);
    // Against another HEAD, nothing is taken from it.
    return worktree.openTree(head, OTHER_ID);
  },
  { privileged: process.getuid?.() === 0 },
);

statIndexContract(test, "stat index", async (t) => {
  const tracked = await trackedDirectory(t);
  return { ...tracked, id: ID, truth: () => truth(tracked.directory) };
});

test("openTree() of an unchanged directory is HEAD's tree itself", async (t) => {
  const { worktree, head } = await trackedDirectory(t);
  t.is((await worktree.openTree(head, ID)).root, head.root);
});

const changes: readonly (readonly [what: string, change: (directory: string) => void, fresh: string[], kept: string[]])[] = [
  ["a changed file", (d) => appendFileSync(`${d}/d/file`, "x"), ["d", "d/file"], ["a", "c", "d/link"]],
  ["a new file", (d) => writeFileSync(`${d}/a/b/new`, ""), ["a", "a/b", "a/b/new"], ["a/b/deep", "c", "d"]],
  ["a deleted file", (d) => rmSync(`${d}/c/same`), ["c"], ["a", "c/linked", "d"]],
  ["a renamed directory", (d) => renameSync(`${d}/a/b`, `${d}/a/z`), ["a", "a/z"], ["c/same", "d"]],
  ["one name more for an inode", (d) => linkSync(`${d}/d/file`, `${d}/d/more`), ["d/file", "d/more"], ["a", "c"]],
  ["a deleted name of an inode", (d) => rmSync(`${d}/c/linked`), ["a/linked", "a", "c"], ["c/same", "d"]],
  ["a deleted directory with a name of an inode", (d) => rmSync(`${d}/c`, { recursive: true }), ["a/linked", "a"], ["d"]],
  ["a touched file", (d) => utimesSync(`${d}/d/file`, 1, 1), ["d/file"], ["a", "c", "d/link"]],
  ["an xattr", (d) => execFileSync("setfattr", ["-n", "user.x", "-v", "1", `${d}/c/same`]), ["c/same"], ["c/linked", "a"]],
];

for (const [what, change, fresh, kept] of changes) {
  test(`openTree() takes from HEAD all but ${what}`, async (t) => {
    const { worktree, head, directory } = await trackedDirectory(t);
    change(directory);
    const tree = await worktree.openTree(head, ID);
    for (const where of fresh) t.not(at(tree.root, where), at(head.root, where), where);
    for (const where of kept) t.is(at(tree.root, where), at(head.root, where), where);
    t.deepEqual(describeTree(tree), truth(directory));
    tree.close();
  });
}

test("openTree() sees a file changed at once after remember(), of the same size and with its time set back", async (t) => {
  for (let run = 0; run < 20; run++) {
    const { worktree, head, directory } = await trackedDirectory(t);
    const file = `${directory}/d/file`;
    writeFileSync(file, "1111");
    const tree = await worktree.openTree(head, ID);
    (at(tree.root, "d/file") as FileNode).content.digest();
    worktree.remember(tree, OTHER_ID);
    const { atime, mtime } = statSync(file);
    writeFileSync(file, "2222");
    utimesSync(file, atime, mtime);
    tree.close();
    const again = await worktree.openTree(memoryTree(INDEXED_ENTRIES), OTHER_ID);
    t.deepEqual(describeTree(again), truth(directory));
    again.close();
  }
});

test("openTree() against another HEAD knows the digests of unchanged files without reading them", async (t) => {
  const { worktree, head } = await trackedDirectory(t);
  const tree = await worktree.openTree(head, OTHER_ID);
  const file = at(tree.root, "c/same") as FileNode;
  t.is(file.content.knownDigest, (at(head.root, "c/same") as FileNode).content.digest());
  tree.close();
});

test("openTree() takes nothing from HEAD when the index is damaged", async (t) => {
  const { worktree, head, indexFile } = await trackedDirectory(t);
  writeFileSync(indexFile, readFileSync(indexFile).fill(0, 200, 201).fill(0xff, 201, 202));
  const tree = await worktree.openTree(head, ID);
  t.not(tree.root, head.root);
  tree.close();
});

test("remember() does not trust what differs from the tree", async (t) => {
  const { worktree, head, directory } = await trackedDirectory(t);
  appendFileSync(`${directory}/d/file`, "x");
  worktree.remember(head, ID);
  const tree = await worktree.openTree(head, ID);
  t.not(at(tree.root, "d/file"), at(head.root, "d/file"));
  t.is(at(tree.root, "d/link"), at(head.root, "d/link"));
  t.deepEqual(describeTree(tree), truth(directory));
  tree.close();
});

test("apply() and remember() of a tree make openTree() that tree itself", async (t) => {
  const { worktree, head } = await trackedDirectory(t);
  const wanted = memoryTree([
    { path: "", type: "directory" },
    { path: "a", type: "file", content: "was a directory" },
    { path: "d", type: "directory" },
    { path: "d/file", type: "file", content: "other" },
  ]);
  const current = await worktree.openTree(head, ID);
  await worktree.apply(current, wanted);
  current.close();
  worktree.remember(wanted, OTHER_ID);
  t.is((await worktree.openTree(wanted, OTHER_ID)).root, wanted.root);
});

test("openTree() of any directory that was any tree shows what stands there", async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, arbitraryTree, async (before, after) => {
      const { worktree, head, directory } = await trackedDirectory(t, before);
      const current = openDirectoryTree(directory, { exclude: [".varve"] });
      atOnce(applyTree(current, memoryTree(after), directory, { exclude: [".varve"] }));
      current.close();
      const tree = await worktree.openTree(head, ID);
      t.deepEqual(describeTree(tree), truth(directory));
      tree.close();
    }),
    { numRuns: 60 },
  );
});
