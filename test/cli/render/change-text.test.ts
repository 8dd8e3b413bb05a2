import test from "ava";
import { changeLine, changeSummary, modeText, nameStatusLine, statLines } from "../../../cli/render/change-text.js";
import { bytesOfText, type ByteString } from "../../../core/model/byte-string.js";
import type { Change, ChangeReason } from "../../../core/model/change.js";
import { NO_XATTRS, type Entry } from "../../../core/model/entry.js";
import type { FileNode, TreeNode } from "../../../core/model/tree.js";

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: NO_XATTRS };

function node(entry: Partial<Entry> & { type: Entry["type"] }): TreeNode {
  const whole = { ...METADATA, size: 1, ...entry };
  return { entry: whole, links: undefined, ...(entry.type === "file" ? { content: {} as FileNode["content"] } : {}) } as TreeNode;
}

function modified(reasons: readonly ChangeReason[], before: Partial<Entry>, after: Partial<Entry> = {}): Change {
  const type = before.type ?? "file";
  return {
    path: "etc/x" as ByteString,
    status: "M",
    reasons,
    before: node({ ...before, type }),
    after: node({ type, ...after }),
  };
}

const plain = (_style: string, text: string): string => text;
const note = (value: string) => ({ name: bytesOfText("user.note"), value: Buffer.from(value) });

const lines: readonly (readonly [why: string, change: Change, line: string])[] = [
  ["says mode from and to", modified(["mode"], { mode: 0o644 }, { mode: 0o4755 }), "M  /etc/x  mode 0644→4755"],
  ["says owner from and to", modified(["owner"], {}, { uid: 1000, gid: 4294967294 }), "M  /etc/x  owner 0:0→1000:4294967294"],
  [
    "says which xattrs differ",
    modified(["xattr"], { xattrs: [note("a")] }, { xattrs: [note("b")] }),
    "M  /etc/x  xattr user.note",
  ],
  [
    "says several reasons in order",
    modified(["content", "mode", "mtime"], { mode: 0 }),
    "M  /etc/x  content mode 0000→0644 mtime",
  ],
  [
    "says where a symlink led and leads",
    modified(["link"], { type: "symlink", target: bytesOfText("a") }, { target: bytesOfText("b\n") }),
    'M  /etc/x  link a→"b\\n"',
  ],
  [
    "says which device it was and is",
    modified(["link"], { type: "block", major: 8, minor: 1 }, { major: 8, minor: 2 }),
    "M  /etc/x  link 8:1→8:2",
  ],
  ["says link alone for hardlinks", modified(["link"], {}), "M  /etc/x  link"],
  [
    "says type from and to",
    { ...modified(["type"], {}), status: "T", after: node({ type: "fifo" }) },
    "T  /etc/x  type file→fifo",
  ],
  ["shows a rename with both names", { ...modified([], {}), status: "R", from: "etc/old" as ByteString }, "R  /etc/old → /etc/x"],
  ["quotes names that a terminal would act upon", { path: "\u001b" as ByteString, status: "A", reasons: [] }, 'A  "/\\x1b"'],
];

for (const [why, change, line] of lines) {
  test(`changeLine() ${why}`, (t) => {
    t.is(changeLine(change, plain), line);
  });
}

test("changeLine() ends a directory with a slash, but the root", (t) => {
  const before = node({ type: "directory" });
  t.is(changeLine({ path: "a" as ByteString, status: "D", reasons: [], before }, plain), "D  /a/");
  t.is(
    changeLine({ path: "" as ByteString, status: "M", reasons: ["mode"], before, after: before }, plain),
    "M  /  mode 0644→0644",
  );
});

test("nameStatusLine() parts by tabs, also both names of a rename", (t) => {
  t.is(nameStatusLine({ path: "b\tc" as ByteString, from: "a" as ByteString, status: "R", reasons: [] }), 'R\t/a\t"/b\\tc"');
});

test("statLines() shows sizes before and after in a column, and both names of a rename", (t) => {
  const grown = modified(["content"], { size: 10 }, { size: 2048 });
  const renamed: Change = { ...modified([], { size: 10 }, { size: 10 }), status: "R", from: "etc/old" as ByteString };
  const long = { ...grown, path: "x".repeat(70) as ByteString };
  t.deepEqual(statLines([grown, renamed], plain), ["M  /etc/x             | 10 B → 2.0 KiB", "R  /etc/old => /etc/x | 10 B"]);
  t.deepEqual(statLines([grown, long], plain), [
    `M  /etc/x${" ".repeat(54)} | 10 B → 2.0 KiB`,
    `M  /${"x".repeat(70)} | 10 B → 2.0 KiB`,
  ]);
  t.deepEqual(statLines([], plain), []);
});

test("modeText() has four octal digits", (t) => {
  t.deepEqual([0, 0o7, 0o644, 0o1777].map(modeText), ["0000", "0007", "0644", "1777"]);
});

test("changeSummary() counts by kind", (t) => {
  const one: Change = { path: "a" as ByteString, status: "A", reasons: [] };
  t.is(changeSummary([]), "No path differs");
  t.is(changeSummary([one]), "1 path differs: 1 added");
  t.is(changeSummary([one, one, { ...one, status: "D" }]), "3 paths differ: 2 added, 1 deleted");
});
