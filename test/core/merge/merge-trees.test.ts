import test from "ava";
import { textOf } from "../../../core/model/byte-string.js";
import type { Tree } from "../../../core/model/tree.js";
import { mergeTrees, type MergedTree } from "../../../core/merge/merge-trees.js";
import { conflictedTree } from "../../../core/merge/conflicted-tree.js";
import { type DescribedEntry, describeTree } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = (path: string, more: object = {}): DescribedEntry => ({ path, type: "directory", ...more });
const file = (path: string, content: string, more: object = {}): DescribedEntry => ({ path, type: "file", content, ...more });
const linked = (path: string, linkTo: string): DescribedEntry => ({ path, type: "file", linkTo });
const symlink = (path: string, target: string): DescribedEntry => ({ path, type: "symlink", target });
const device = (path: string, minor: number): DescribedEntry => ({ path, type: "character", major: 1, minor });

const LABELS = { ours: "main", theirs: "topic" };
const ROOT = directory("");

const merge = (base: Tree, ours: Tree, theirs: Tree): Promise<MergedTree> => mergeTrees(base, ours, theirs, { labels: LABELS });

interface Case {
  readonly what: string;
  readonly base: readonly DescribedEntry[];
  readonly ours: readonly DescribedEntry[];
  readonly theirs: readonly DescribedEntry[];
  readonly merged: readonly DescribedEntry[];
  /** `kind path`. */
  readonly conflicts?: readonly string[];
  /** Beside what is merged, for a person. */
  readonly files?: readonly string[];
}

const lines = (...some: readonly string[]): string => some.map((line) => `${line}\n`).join("");
const TEN = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
const with1 = lines("one", ...TEN.slice(1));
const with10 = lines(...TEN.slice(0, 9), "ten");

const CASES: readonly Case[] = [
  {
    what: "changes of different files",
    base: [file("a", "1"), file("b", "1"), file("c", "1")],
    ours: [file("a", "2"), file("b", "1"), file("c", "1"), file("d", "1")],
    theirs: [file("a", "1"), file("b", "2"), file("e", "1")],
    merged: [file("a", "2"), file("b", "2"), file("d", "1"), file("e", "1")],
  },
  {
    what: "the same change on both sides",
    base: [file("a", "1"), file("b", "1")],
    ours: [file("a", "2"), file("c", "3")],
    theirs: [file("a", "2"), file("c", "3")],
    merged: [file("a", "2"), file("c", "3")],
  },
  {
    what: "different properties of one file",
    base: [file("a", lines(...TEN), { mode: 0o644, uid: 1, gid: 1, xattrs: { "user.a": "1", "user.b": "1" } })],
    ours: [file("a", with1, { mode: 0o600, uid: 2, gid: 1, xattrs: { "user.a": "2", "user.b": "1" } })],
    theirs: [file("a", with10, { mode: 0o644, uid: 1, gid: 3, xattrs: { "user.a": "1", "user.c": "1" } })],
    merged: [
      file("a", lines("one", ...TEN.slice(1, 9), "ten"), {
        mode: 0o600,
        uid: 2,
        gid: 3,
        xattrs: { "user.a": "2", "user.c": "1" },
      }),
    ],
  },
  {
    what: "times: the newer of those that changed",
    base: [file("a", "1", { mtimeSeconds: 9 }), file("b", "1", { mtimeSeconds: 9 }), file("c", "1", { mtimeSeconds: 9 })],
    ours: [file("a", "1", { mtimeSeconds: 5 }), file("b", "1", { mtimeSeconds: 7 }), file("c", "1", { mtimeSeconds: 9 })],
    theirs: [file("a", "1", { mtimeSeconds: 9 }), file("b", "1", { mtimeSeconds: 8 }), file("c", "1", { mtimeSeconds: 4 })],
    merged: [file("a", "1", { mtimeSeconds: 5 }), file("b", "1", { mtimeSeconds: 8 }), file("c", "1", { mtimeSeconds: 4 })],
  },
  {
    what: "lines that both changed",
    base: [file("a", lines("a", "b", "c"))],
    ours: [file("a", lines("a", "B", "c"))],
    theirs: [file("a", lines("a", "x", "c"))],
    merged: [file("a", lines("a", "<<<<<<< main", "B", "=======", "x", ">>>>>>> topic", "c"))],
    conflicts: ["content a"],
  },
  {
    what: "contents that are no text",
    base: [file("a", "\0")],
    ours: [file("a", "\0a")],
    theirs: [file("a", "\0b")],
    merged: [file("a", "\0a")],
    conflicts: ["content a"],
    files: ["a.base", "a.ours", "a.theirs"],
  },
  {
    what: "targets of symlinks, numbers of devices",
    base: [symlink("a", "1"), symlink("b", "1"), device("c", 1), device("d", 1)],
    ours: [symlink("a", "2"), symlink("b", "2"), device("c", 2), device("d", 1)],
    theirs: [symlink("a", "1"), symlink("b", "3"), device("c", 3), device("d", 4)],
    merged: [symlink("a", "2"), symlink("b", "2"), device("c", 2), device("d", 4)],
    conflicts: ["content b", "content c"],
    files: ["b.base", "b.ours", "b.theirs", "c.base", "c.ours", "c.theirs"],
  },
  {
    what: "modes",
    base: [file("a", "1", { mode: 0o644 })],
    ours: [file("a", "1", { mode: 0o600 })],
    theirs: [file("a", "1", { mode: 0o755 })],
    merged: [file("a", "1", { mode: 0o600 })],
    conflicts: ["mode a"],
  },
  {
    what: "owners, of a directory",
    base: [directory("a", { uid: 1 })],
    ours: [directory("a", { uid: 2 })],
    theirs: [directory("a", { uid: 3 })],
    merged: [directory("a", { uid: 2 })],
    conflicts: ["owner a"],
  },
  {
    what: "one xattr",
    base: [file("a", "1", { xattrs: { "user.a": "1" } })],
    ours: [file("a", "1", { xattrs: { "user.a": "2" } })],
    theirs: [file("a", "1", {})],
    merged: [file("a", "1", { xattrs: { "user.a": "2" } })],
    conflicts: ["xattr a"],
  },
  {
    what: "two added files that differ",
    base: [],
    ours: [file("a", "1\n")],
    theirs: [file("a", "2\n")],
    merged: [file("a", lines("<<<<<<< main", "1", "=======", "2", ">>>>>>> topic"))],
    conflicts: ["add/add a"],
  },
  {
    what: "a file that ours deleted and theirs changed",
    base: [directory("d"), file("d/a", "1")],
    ours: [],
    theirs: [directory("d"), file("d/a", "2")],
    merged: [],
    conflicts: ["delete/modify d/a"],
    files: ["d/a.base", "d/a.theirs"],
  },
  {
    what: "a file that ours changed and theirs deleted with its directory",
    base: [directory("d"), file("d/a", "1"), file("d/b", "1")],
    ours: [directory("d"), file("d/a", "2"), file("d/b", "1")],
    theirs: [],
    merged: [directory("d"), file("d/a", "2")],
    conflicts: ["delete/modify d/a"],
    files: ["d/a.base", "d/a.ours"],
  },
  {
    what: "a directory that one side deleted and in which the other added",
    base: [directory("d"), file("d/a", "1"), directory("e"), file("e/a", "1")],
    ours: [directory("e"), file("e/a", "1"), file("e/new", "1")],
    theirs: [directory("d"), file("d/a", "1"), file("d/new", "1")],
    merged: [directory("d"), file("d/new", "1"), directory("e"), file("e/new", "1")],
  },
  {
    what: "a file that one side only touched, and the other deleted",
    base: [file("a", "1", { mtimeSeconds: 1 }), file("b", "1")],
    ours: [file("a", "1", { mtimeSeconds: 2 })],
    theirs: [file("b", "1", { mtimeSeconds: 3 })],
    merged: [],
  },
  {
    what: "a directory whose mode one side changed, and that the other deleted",
    base: [directory("d")],
    ours: [directory("d", { mode: 0o700 })],
    theirs: [],
    merged: [directory("d", { mode: 0o700 })],
    conflicts: ["delete/modify d"],
    files: ["d.base"],
  },
  {
    what: "a directory and a file, both added",
    base: [],
    ours: [directory("a"), file("a/b", "1")],
    theirs: [file("a", "1")],
    merged: [directory("a"), file("a/b", "1")],
    conflicts: ["directory/file a"],
    files: ["a.theirs"],
  },
  {
    what: "a directory that ours made a file, and in which theirs changed something",
    base: [directory("a"), file("a/b", "1")],
    ours: [file("a", "1")],
    theirs: [directory("a"), file("a/b", "2")],
    merged: [file("a", "1")],
    conflicts: ["directory/file a"],
    files: ["a.base", "a.base/b", "a.ours", "a.theirs", "a.theirs/b"],
  },
  {
    what: "a directory that one side made a file, and the other left alone",
    base: [directory("a"), file("a/b", "1"), file("c", "1")],
    ours: [directory("a"), file("a/b", "1"), directory("c"), file("c/d", "1")],
    theirs: [symlink("a", "b"), file("c", "1")],
    merged: [symlink("a", "b"), directory("c"), file("c/d", "1")],
  },
  {
    what: "two other types",
    base: [file("a", "1")],
    ours: [symlink("a", "b")],
    theirs: [{ path: "a", type: "fifo" }],
    merged: [symlink("a", "b")],
    conflicts: ["type a"],
    files: ["a.base", "a.ours", "a.theirs"],
  },
  {
    what: "a file renamed by ours and changed by theirs, and the other way round",
    base: [file("a", with1), file("b", with10)],
    ours: [file("a2", with1), file("b", with10 + "more\n")],
    theirs: [file("a", with1 + "more\n"), directory("d"), file("d/b2", with10)],
    merged: [file("a2", with1 + "more\n"), directory("d"), file("d/b2", with10 + "more\n")],
  },
  {
    what: "a file renamed differently",
    base: [file("a", "some")],
    ours: [file("b", "some")],
    theirs: [file("c", "some")],
    merged: [file("b", "some"), file("c", "some")],
    conflicts: ["rename/rename a"],
  },
  {
    what: "a file renamed alike",
    base: [directory("d"), file("d/a", "some")],
    ours: [file("b", "some")],
    theirs: [file("b", "some", { mode: 0o600 })],
    merged: [file("b", "some", { mode: 0o600 })],
  },
  {
    what: "files renamed by one side, deleted by the other",
    base: [file("a", "some"), file("b", "else")],
    ours: [file("a2", "some")],
    theirs: [file("b2", "else")],
    merged: [file("a2", "some")],
    conflicts: ["rename/delete a2", "rename/delete b2"],
    files: ["a2.base", "a2.ours", "b2.base", "b2.theirs"],
  },
  {
    what: "names added to one inode by both sides",
    base: [file("a", "1")],
    ours: [file("a", "1"), linked("b", "a")],
    theirs: [file("a", "1"), directory("d"), linked("d/c", "a")],
    merged: [file("a", "1"), linked("b", "a"), directory("d"), linked("d/c", "a")],
  },
  {
    what: "an inode with a name more on one side, and other contents on the other",
    base: [file("a", "1")],
    ours: [file("a", "2")],
    theirs: [file("a", "1"), directory("d"), linked("d/c", "a")],
    merged: [file("a", "2"), directory("d"), linked("d/c", "a")],
  },
  {
    what: "two files that one side linked, of which the other changed one",
    base: [file("a", "1"), file("b", "2")],
    ours: [file("a", "3"), file("b", "2")],
    theirs: [file("a", "1"), linked("b", "a")],
    merged: [file("a", "3"), linked("b", "a")],
  },
  {
    what: "an inode that lost a name on one side, and was changed on the other",
    base: [file("a", "1"), linked("b", "a"), linked("c", "a")],
    ours: [file("b", "1"), linked("c", "b")],
    theirs: [file("a", "2"), linked("b", "a"), linked("c", "a")],
    merged: [file("b", "2"), linked("c", "b")],
  },
  {
    what: "an inode that one side parted, and the other gave a name",
    base: [file("a", "1"), linked("b", "a")],
    ours: [file("a", "1"), file("b", "2")],
    theirs: [file("a", "1"), linked("b", "a"), linked("c", "a")],
    merged: [file("a", "1"), file("b", "2"), file("c", "1")],
    conflicts: ["hardlink a"],
  },
  {
    what: "an inode whose text both sides changed",
    base: [file("a", lines("1")), linked("b", "a")],
    ours: [file("a", lines("2")), linked("b", "a")],
    theirs: [file("a", lines("3")), linked("b", "a")],
    merged: [file("a", lines("<<<<<<< main", "2", "=======", "3", ">>>>>>> topic")), linked("b", "a")],
    conflicts: ["content a"],
  },
  {
    what: "names linked differently",
    base: [file("a", "1"), file("b", "1"), file("c", "1")],
    ours: [file("a", "1"), linked("b", "a"), file("c", "3")],
    theirs: [file("a", "1"), file("b", "2"), linked("c", "a")],
    merged: [file("a", "1"), linked("b", "a"), file("c", "3")],
    conflicts: ["hardlink a"],
  },
];

const rooted = (entries: readonly DescribedEntry[]): DescribedEntry[] => [ROOT, ...entries];

for (const { what, base, ours, theirs, merged: wanted, conflicts = [], files = [] } of CASES) {
  test(`mergeTrees() merges ${what}${conflicts.length > 0 ? `: ${conflicts.join(", ")}` : ""}`, async (t) => {
    const trees = {
      base: memoryTree(rooted(base)),
      ours: memoryTree(rooted(ours)),
      theirs: memoryTree(rooted(theirs)),
    };
    const merged = await merge(trees.base, trees.ours, trees.theirs);
    t.deepEqual(
      merged.conflicts.map(({ kind, path }) => `${kind} ${textOf(path)}`),
      conflicts,
    );
    t.deepEqual(described(merged.tree), described(memoryTree(rooted(wanted))));
    const paths = (tree: Tree): unknown[] => describeTree(tree).map(({ path }) => path);
    const shown = conflictedTree(merged, trees);
    t.deepEqual(
      paths(shown.tree).filter((path) => !paths(merged.tree).includes(path) && path !== "d"),
      files,
    );
  });
}

/** Without the times of directories, which follow their names. */
function described(tree: Tree): unknown[] {
  return describeTree(tree).map((node) => (node["type"] === "directory" ? { ...node, mtime: "" } : node));
}

test("a conflict in each of many lines names some, and counts the rest", async (t) => {
  const users = (side: string): string =>
    lines(...Array.from({ length: 30 }, (_, at) => `${side}${at}:x:${1000 + at}:100::/:/bin/sh`));
  const tree = (content: string): Tree => memoryTree(rooted([directory("etc"), file("etc/passwd", content)]));
  const { conflicts } = await merge(tree(""), tree(users("a")), tree(users("b")));
  t.is(conflicts[0]?.details.length, 21);
  t.is(conflicts[0]?.details.at(-1), "and 10 more");
});
