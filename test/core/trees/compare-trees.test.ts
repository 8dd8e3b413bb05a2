import test from "ava";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };
const file = (path: string, more: Partial<DescribedEntry> = {}): DescribedEntry => ({
  path,
  type: "file",
  content: path,
  ...more,
});
const directory = (path: string, more: Partial<DescribedEntry> = {}): DescribedEntry => ({ path, type: "directory", ...more });
const link = (path: string, target: string): DescribedEntry => ({ path, type: "symlink", target });

/** One line a change: status, path, reasons, `< from`. */
async function lines(before: readonly DescribedEntry[], after: readonly DescribedEntry[]): Promise<string[]> {
  const changes = await compareTrees(memoryTree([ROOT, ...before]), memoryTree([ROOT, ...after]));
  return changes.map(({ status, path, reasons, from }) =>
    [`${status} /${path}`, ...reasons, ...(from === undefined ? [] : [`< /${from}`])].join(" "),
  );
}

const cases: readonly {
  why: string;
  before: readonly DescribedEntry[];
  after: readonly DescribedEntry[];
  wants: readonly string[];
}[] = [
  { why: "nothing for equal trees", before: [file("a")], after: [file("a")], wants: [] },
  { why: "an addition", before: [], after: [file("a")], wants: ["A /a"] },
  { why: "a deletion", before: [file("a")], after: [], wants: ["D /a"] },
  {
    why: "every path of a directory that came or went",
    before: [directory("old"), file("old/x")],
    after: [directory("new"), file("new/y")],
    wants: ["A /new", "A /new/y", "D /old", "D /old/x"],
  },
  {
    why: "new content of the same size",
    before: [file("a", { content: "1" })],
    after: [file("a", { content: "2" })],
    wants: ["M /a content"],
  },
  { why: "a mode", before: [file("a")], after: [file("a", { mode: 0o4755 })], wants: ["M /a mode"] },
  { why: "an owner", before: [file("a")], after: [file("a", { gid: 4_000_000_000 })], wants: ["M /a owner"] },
  { why: "an xattr", before: [file("a")], after: [file("a", { xattrs: { "user.x": "\0\xff" } })], wants: ["M /a xattr"] },
  { why: "a nanosecond", before: [file("a")], after: [file("a", { mtimeNanoseconds: 1 })], wants: ["M /a mtime"] },
  { why: "a symlink's target", before: [link("l", "x")], after: [link("l", "y")], wants: ["M /l link"] },
  {
    why: "a device's number",
    before: [{ path: "d", type: "block", major: 8, minor: 1 }],
    after: [{ path: "d", type: "block", major: 8, minor: 2 }],
    wants: ["M /d link"],
  },
  {
    why: "several reasons in their order",
    before: [file("a", { mtimeSeconds: 1 })],
    after: [file("a", { content: "new", mode: 0o600, uid: 7 })],
    wants: ["M /a content mode owner mtime"],
  },
  { why: "a file that became a symlink", before: [file("a", { mode: 0o777 })], after: [link("a", "b")], wants: ["T /a type"] },
  {
    why: "a directory that became a file, and what it held",
    before: [directory("a", { mode: 0o644 }), file("a/x"), file("a/y")],
    after: [file("a")],
    wants: ["T /a type", "D /a/x", "D /a/y"],
  },
  {
    why: "a file that became a directory, and what it holds",
    before: [file("a", { mode: 0o755 })],
    after: [directory("a"), file("a/x")],
    wants: ["T /a type", "A /a/x"],
  },
  {
    why: "a rename, and not the directory whose mtime it moved",
    before: [directory("d", { mtimeSeconds: 1 }), file("d/old", { content: "same" })],
    after: [directory("d", { mtimeSeconds: 2 }), file("d/sub", { content: "same", mode: 0o600 })],
    wants: ["R /d/sub mode < /d/old"],
  },
  {
    why: "a directory whose mtime alone moved",
    before: [directory("d", { mtimeSeconds: 1 }), file("d/x")],
    after: [directory("d", { mtimeSeconds: 2 }), file("d/x")],
    wants: ["M /d mtime"],
  },
  {
    why: "a directory whose mode changed too",
    before: [directory("d", { mtimeSeconds: 1 })],
    after: [directory("d", { mtimeSeconds: 2, mode: 0o700 }), file("d/x")],
    wants: ["M /d mode mtime", "A /d/x"],
  },
  {
    why: "no rename of empty files",
    before: [file("a", { content: "" })],
    after: [file("b", { content: "" })],
    wants: ["D /a", "A /b"],
  },
  {
    why: "one rename a deletion, the rest as additions",
    before: [file("a", { content: "same" })],
    after: [file("b", { content: "same" }), file("c", { content: "same" })],
    wants: ["R /b < /a", "A /c"],
  },
  {
    why: "a new name of an inode, at each of its names",
    before: [file("a"), file("b", { linkTo: "a" })],
    after: [file("a"), file("b", { linkTo: "a" }), file("c", { linkTo: "a" })],
    wants: ["M /a link", "M /b link", "A /c"],
  },
  {
    why: "names that changed partners, though every count is the same",
    before: [file("a", { content: "x" }), file("b", { linkTo: "a" }), file("c", { content: "x" }), file("d", { linkTo: "c" })],
    after: [file("a", { content: "x" }), file("b", { content: "x" }), file("c", { linkTo: "a" }), file("d", { linkTo: "b" })],
    wants: ["M /a link", "M /b link", "M /c link", "M /d link"],
  },
  {
    why: "paths in byte order, not in walk order",
    before: [],
    after: [directory("a"), file("a/x"), file("a-b"), file("a.b")],
    wants: ["A /a", "A /a-b", "A /a.b", "A /a/x"],
  },
  {
    why: "two names that are no UTF-8 and differ in one byte",
    before: [file("\xff\xfe", { content: "x" })],
    after: [file("\xff\xfd", { content: "y" })],
    wants: ["A /\xff\xfd", "D /\xff\xfe"],
  },
];

for (const { why, before, after, wants } of cases) {
  test(`compareTrees() tells ${why}`, async (t) => {
    t.deepEqual(await lines(before, after), [...wants]);
  });
}
