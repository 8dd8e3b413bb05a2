import test from "ava";
import { foldChanges } from "../../../cli/render/folded-changes.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { Change } from "../../../core/model/change.js";
import { NO_XATTRS } from "../../../core/model/entry.js";
import type { TreeNode } from "../../../core/model/tree.js";

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
