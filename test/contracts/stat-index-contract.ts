import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { ExecutionContext, TestFn } from "ava";
import type { TreeId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { Worktree } from "../../core/ports/worktree.js";
import { describeTree, type DescribedEntry } from "./described-tree.js";

export interface IndexedDirectory {
  readonly directory: string;
  readonly indexFile: string;
  readonly worktree: Worktree;
  /** What the directory held when the index was written, and the id under which. */
  readonly head: Tree;
  readonly id: TreeId;
  /** What stands there now, read without any index. */
  truth(): ReturnType<typeof describeTree>;
}

/** What the contract's directory holds. */
export const INDEXED_ENTRIES: readonly DescribedEntry[] = [
  { path: "", type: "directory" },
  { path: "a", type: "directory" },
  { path: "a/b", type: "directory" },
  { path: "a/b/deep", type: "file", content: "deep" },
  { path: "a/linked", type: "file", content: "linked" },
  { path: "c", type: "directory" },
  { path: "c/linked", type: "file", linkTo: "a/linked" },
  { path: "c/same", type: "file", content: "same" },
  { path: "d", type: "directory" },
  { path: "d/file", type: "file", content: "file" },
  { path: "d/link", type: "symlink", target: "file" },
];

const CHANGES: Readonly<Record<string, (directory: string) => void>> = {
  "nothing changed": () => undefined,
  "a file grew": (d) => appendFileSync(`${d}/d/file`, "x"),
  "a mode changed": (d) => chmodSync(`${d}/a/b/deep`, 0o600),
  "a time was set": (d) => utimesSync(`${d}/d/file`, 1, 1),
  "an xattr came": (d) => execFileSync("setfattr", ["-n", "user.x", "-v", "1", `${d}/c/same`]),
  "a file came": (d) => writeFileSync(`${d}/new`, "new"),
  "a file went": (d) => rmSync(`${d}/c/same`),
  "a directory was renamed": (d) => renameSync(`${d}/a/b`, `${d}/a/z`),
  "a directory became a link to where it is now": (d) => {
    renameSync(`${d}/a`, `${d}/z`);
    symlinkSync("z", `${d}/a`);
  },
  "an inode got one name more": (d) => linkSync(`${d}/d/file`, `${d}/d/more`),
  "an inode lost a name": (d) => rmSync(`${d}/c/linked`),
};

const STATES: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  sound: (bytes) => bytes,
  absent: () => undefined,
  empty: () => Buffer.alloc(0),
  "of another version": (bytes) => bytes.fill(9, 16, 20),
  "cut off": (bytes) => bytes.subarray(0, bytes.length - 9),
  "altered in its rows": (bytes) => bytes.fill(bytes[200]! ^ 1, 200, 201),
  "altered in its checksum": (bytes) => bytes.fill(bytes.at(-1)! ^ 1, bytes.length - 1),
};

/**
 * What every stat index promises: it saves work and changes no answer, whatever became of it and of the directory.
 *
 * @param make Gives a directory that holds INDEXED_ENTRIES, and an index that says so.
 */
export function statIndexContract(test: TestFn, name: string, make: (t: ExecutionContext) => Promise<IndexedDirectory>): void {
  for (const [state, stateOf] of Object.entries(STATES)) {
    for (const [what, change] of Object.entries(CHANGES)) {
      test(`${name}: with an index that is ${state}, after ${what}, the tree is what stands there`, async (t) => {
        const indexed = await make(t);
        replace(indexed.indexFile, stateOf);
        change(indexed.directory);
        await isTrue(t, indexed, indexed.id);
      });
    }
  }

  test(`${name}: an index of another commit than HEAD changes no answer either`, async (t) => {
    const indexed = await make(t);
    appendFileSync(`${indexed.directory}/d/file`, "x");
    await isTrue(t, indexed, "f".repeat(64) as TreeId);
  });

  test(`${name}: what is remembered anew is true again`, async (t) => {
    const indexed = await make(t);
    for (const [what, change] of Object.entries(CHANGES).slice(0, 6)) {
      change(indexed.directory);
      const tree = await indexed.worktree.openTree(indexed.head, indexed.id);
      t.deepEqual(describeTree(tree), indexed.truth(), what);
      indexed.worktree.remember(tree, "e".repeat(64) as TreeId);
      tree.close();
      await isTrue(t, indexed, indexed.id);
    }
  });
}

async function isTrue(t: ExecutionContext, { worktree, head, truth }: IndexedDirectory, id: TreeId): Promise<void> {
  const tree = await worktree.openTree(head, id);
  t.deepEqual(describeTree(tree), truth());
  tree.close();
}

function replace(file: string, stateOf: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = stateOf(readFileSync(file));
  if (bytes === undefined) rmSync(file);
  else writeFileSync(file, bytes);
}
