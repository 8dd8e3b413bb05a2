import test from "ava";
import { foldChanges, foldRenames } from "../../../cli/render/folded-changes.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { Change } from "../../../core/model/change.js";
import { NO_XATTRS } from "../../../core/model/entry.js";
import type { Tree, TreeNode } from "../../../core/model/tree.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const METADATA = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: NO_XATTRS };
const DIRECTORY: TreeNode = {
  entry: { type: "directory", ...METADATA },
  children: () => [],
  child: () => undefined,
  digest: undefined,
};
const PIPE: TreeNode = { entry: { type: "fifo", ...METADATA }, links: undefined };

/** `A dir/` or `M file`. */
function change(line: string): Change {
  const status = line[0] as "A" | "D" | "M";
  const isDirectory = line.endsWith("/");
  const node = isDirectory ? DIRECTORY : PIPE;
  const path = line.slice(2, isDirectory ? -1 : undefined) as ByteString;
  const side = status === "A" ? { after: node } : status === "D" ? { before: node } : { before: node, after: node };
  return { path, status, reasons: [], ...side };
}

const folded = (...lines: readonly string[]): readonly string[] =>
  foldChanges(lines.map(change)).map(({ change: { status, path }, below }) => `${status} ${path} ${below}`);

test("foldChanges() counts what is below a directory that was added", (t) => {
  t.deepEqual(folded("A a/", "A a/b/", "A a/b/c", "A a/d"), ["A a 3"]);
});

test("foldChanges() counts what is below a directory that was deleted", (t) => {
  t.deepEqual(folded("D a/", "D a/b"), ["D a 1"]);
});

test("foldChanges() finds the directory though another path stands between, in byte order", (t) => {
  t.deepEqual(folded("A a/", "A a-b", "A a/c"), ["A a 1", "A a-b 0"]);
});

test("foldChanges() keeps additions below a directory that stood before", (t) => {
  t.deepEqual(folded("M a/", "A a/b", "M a/c"), ["M a 0", "A a/b 0", "M a/c 0"]);
});

test("foldChanges() never folds a deletion into an addition", (t) => {
  t.deepEqual(folded("A a/", "D a/b"), ["A a 0", "D a/b 0"]);
});

const renameRows: readonly (readonly [why: string, before: string, after: string, wants: readonly string[]])[] = [
  ["a directory of files", "a/x a/y", "b/x b/y", ["R b <a 2"]],
  ["a directory with directories and links", "a/d/x a/d/y a/l> k", "k n/d/x n/d/y n/l>", ["R n <a 4"]],
  ["a directory within another", "top/a/x top/k", "top/b/x top/k", ["R top/b <top/a 1"]],
  ["not one of which a file went elsewhere", "a/x a/y", "b/x c/y", ["A b 0", "A c 0", "R b/x <a/x 0", "R c/y <a/y 0", "D a 0"]],
  ["not one of which a file is gone", "a/x a/y", "b/x", ["A b 0", "R b/x <a/x 0", "D a 0", "D a/y 0"]],
  ["one to which something came besides", "a/x", "b/x b/z", ["R b <a 1", "A b/z 0"]],
  ["one of which a file changed its mode too", "a/x a/y", "b/x* b/y", ["R b <a 1", "R b/x <a/x 0"]],
  ["no file by itself", "x", "y", ["R y <x 0"]],
];

/** Files whose content is their name, `>` for a symlink, `*` for another mode. */
function treeOf(words: string): Tree {
  const entries = new Map<string, DescribedEntry>([["", { path: "", type: "directory" }]]);
  for (const word of words.split(" ")) {
    const path = word.replace(/[*>]$/, "");
    const names = path.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const above = names.slice(0, depth).join("/");
      entries.set(above, { path: above, type: "directory" });
    }
    const mode = word.endsWith("*") ? 0o600 : 0o644;
    const content = names.length > 1 || words.length > 1 ? (names.at(-1) ?? "") : "same";
    entries.set(path, word.endsWith(">") ? { path, type: "symlink", target: "t" } : { path, type: "file", content, mode });
  }
  return memoryTree([...entries.values()]);
}

for (const [why, before, after, wants] of renameRows) {
  test(`foldRenames() shows as one ${why}`, async (t) => {
    const changes = await compareTrees(treeOf(before), treeOf(after));
    const lines = foldRenames(changes).map(({ change: { status, path, from }, below }) =>
      [status, path, ...(from === undefined ? [] : [`<${from}`]), below].join(" "),
    );
    t.deepEqual(lines.sort(), [...wants].sort());
  });
}
