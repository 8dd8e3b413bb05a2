import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { printPatch } from "../../../cli/render/patch-text.js";
import type { Terminal } from "../../../cli/terminal.js";
import type { Tree } from "../../../core/model/tree.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { detectCopies } from "../../../core/trees/detect-copies.js";
import { atOnce } from "../../../core/turns.js";
import { writeTree } from "../../../store/directory/write-directory.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

type Files = Readonly<Record<string, string | { readonly to?: string; readonly mode?: number; readonly content?: string }>>;

/** Names and contents are latin1: bytes. */
function treeOf(files: Files): Tree {
  const entries = new Map<string, DescribedEntry>([["", { path: "", type: "directory" }]]);
  for (const [name, value] of Object.entries(files)) {
    const names = name.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const above = names.slice(0, depth).join("/");
      if (!entries.has(above)) entries.set(above, { path: above, type: "directory" });
    }
    const { to, mode = 0o644, content = "" } = typeof value === "string" ? { content: value } : value;
    entries.set(
      name,
      to === undefined ? { path: name, type: "file", mode, content } : { path: name, type: "symlink", target: to },
    );
  }
  return memoryTree([...entries.values()]);
}

async function patchOf(before: Tree, after: Tree, interactive = false): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const terminal = {
    interactive,
    paint: (_: string, text: string) => text,
    print: (text: string) => void pieces.push(Buffer.from(text)),
    write: (bytes: Uint8Array) => void pieces.push(Buffer.from(bytes)),
  } as unknown as Terminal;
  await printPatch(terminal, await detectCopies(await compareTrees(before, after), before), 3);
  return Buffer.concat(pieces);
}

type Applier = readonly [name: string, command: string, words: readonly string[]];
const PATCH: Applier = ["patch -p1", "patch", ["-p1", "-s", "--no-backup-if-mismatch"]];
const GIT: Applier = ["git apply", "git", ["apply", "--whitespace=nowarn"]];

/** Applies it to a real directory. @returns What stands there afterwards, directories left out. */
function applied(t: ExecutionContext, before: Tree, patch: Buffer, [, command, words]: Applier): Record<string, string> {
  const directory = path.join(temporaryDirectory(t), "tree");
  mkdirSync(directory);
  atOnce(writeTree(before, directory));
  const file = `${directory}.patch`;
  writeFileSync(file, patch);
  const input = readFileSync(file);
  if (input.includes("diff --git")) {
    const options = { cwd: directory, input, env: hermeticEnvironment(directory), encoding: "latin1" } as const;
    const { status, stdout, stderr } = spawnSync(command, [...words], options);
    t.is(status, 0, `${stdout}${stderr}\n${patch.toString("latin1")}`);
  }
  return filesOf(directory);
}

function filesOf(directory: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(Buffer.from(directory, "latin1"), "latin1")) {
    const place = Buffer.from(`${directory}/${name}`, "latin1");
    const stat = lstatSync(place);
    if (stat.isDirectory()) Object.assign(found, filesOf(`${directory}/${name}`, `${prefix}${name}/`));
    else if (stat.isSymbolicLink()) found[prefix + name] = `→${readlinkSync(place, "latin1")}`;
    else found[prefix + name] = `${(stat.mode & 0o100) === 0 ? "-" : "x"}${readFileSync(place, "latin1")}`;
  }
  return found;
}

function wanted(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, value]) => {
      const { to, mode = 0o644, content = "" } = typeof value === "string" ? { content: value } : value;
      return [name, to === undefined ? `${(mode & 0o100) === 0 ? "-" : "x"}${content}` : `→${to}`];
    }),
  );
}

const LINES = Array.from({ length: 30 }, (_, number) => `line ${number}\n`).join("");

const rows: readonly (readonly [title: string, before: Files, after: Files])[] = [
  ["a changed line", { "etc/hosts": LINES }, { "etc/hosts": LINES.replace("line 9\n", "line nine\n") }],
  ["changes at both ends", { f: LINES }, { f: `first\n${LINES}last\n` }],
  ["a last line without a newline", { f: "a\nb" }, { f: "a\nb\n" }],
  ["a last line that loses its newline", { f: "a\nb\n" }, { f: "a\nc" }],
  ["an added file", {}, { "new/file": "x\ny\n" }],
  ["an added empty file", { f: "x\n" }, { f: "x\n", empty: "" }],
  ["a file that became empty", { f: "x\n" }, { f: "" }],
  ["an empty file that got lines", { f: "" }, { f: "x\n" }],
  ["a deleted file", { f: "x\n", g: "y\n" }, { g: "y\n" }],
  ["a deleted empty file", { f: "", g: "y\n" }, { g: "y\n" }],
  ["an executable bit", { f: "x\n" }, { f: { content: "x\n", mode: 0o755 } }],
  ["an executable bit and a line", { f: "x\n" }, { f: { content: "y\n", mode: 0o755 } }],
  ["an added program", {}, { f: { content: "#!/bin/sh\n", mode: 0o755 } }],
  ["a symlink with another target", { l: { to: "a" } }, { l: { to: "b/c" } }],
  ["an added symlink", {}, { l: { to: "a" } }],
  ["a deleted symlink", { l: { to: "a" }, f: "x\n" }, { f: "x\n" }],
  ["a file in the place of a symlink", { l: { to: "a" } }, { l: "now a file\n" }],
  ["a renamed file", { "old/f": LINES }, { "new/g": LINES }],
  ["a renamed file with another mode", { f: LINES }, { g: { content: LINES, mode: 0o755 } }],
  ["a copy of a file that changed", { f: LINES }, { f: `${LINES}more\n`, copy: LINES }],
  [
    "names with spaces, quotes, tabs and no UTF-8",
    { "a b": "1\n", 'q"\\': "1\n" },
    { "a b": "2\n", 'q"\\': "2\n", "t\tb": "3\n", "caf\xe9": "4\n" },
  ],
  ["lines with carriage returns, escapes and no UTF-8", { f: "a\r\nb\x1b[31m\n" }, { f: "a\r\nb\x1b[32m\xff\n" }],
  ["lines that look like a patch", { f: "a\n-- b\n++ c\n" }, { f: "a\n--- x\n+++ y\n@@ -1 +1 @@\n" }],
  ["binary files beside text", { f: "a\n", b: "\0x", c: "\0" }, { f: "b\n", b: "\0x", d: "e\n" }],
];

for (const [title, before, after] of rows) {
  for (const applier of [PATCH, GIT]) {
    testIf(applier[1])(`printPatch() of ${title} is applied by ${applier[0]}`, async (t) => {
      const [old, now] = [treeOf(before), treeOf(after)];
      const result = applied(t, old, await patchOf(old, now), applier);
      // Binary contents a patch does not hold.
      const left = Object.entries(wanted(before)).filter(([name, text]) => text.includes("\0") && !(name in after));
      t.deepEqual(result, { ...wanted(after), ...Object.fromEntries(left) });
    });
  }
}

const name = fc.constantFrom("a", "b", "d/a", "d/b", "d/e/c", "x y", "ü".normalize(), "z\\");
const content = fc
  .tuple(fc.array(fc.constantFrom("one", "two", "three", "", "\xff\r", "- four"), { maxLength: 12 }), fc.boolean())
  .map(([lines, ends]) => lines.join("\n") + (ends && lines.length > 0 ? "\n" : ""));
const value = fc.oneof(
  { weight: 5, arbitrary: fc.record({ content, mode: fc.constantFrom(0o644, 0o755) }) },
  { weight: 1, arbitrary: fc.record({ to: fc.constantFrom("t", "u/v") }) },
);
const files = fc
  .dictionary(name, value, { maxKeys: 6 })
  .map((drawn) => Object.fromEntries(Object.entries(drawn).map(([each, is]) => [Buffer.from(each).toString("latin1"), is])));

for (const applier of [PATCH, GIT]) {
  testIf(applier[1])(`printPatch() of any two trees of text files makes one the other by ${applier[0]}`, async (t) => {
    const property = fc.asyncProperty(files, files, async (before, after) => {
      const [old, now] = [treeOf(before), treeOf(after)];
      t.deepEqual(applied(t, old, await patchOf(old, now), applier), wanted(after));
    });
    await fc.assert(property, { numRuns: 60 });
  });
}

test("printPatch() tells in remarks what a patch can't hold", async (t) => {
  const plain = { type: "file", content: "x\n" } as const;
  const before = memoryTree([
    { path: "", type: "directory" },
    { path: "b", type: "file", content: "\0".repeat(2000) },
    { path: "m", ...plain, mode: 0o640 },
    { path: "o", ...plain },
    { path: "x", ...plain, xattrs: { "user.note": "1" } },
  ]);
  const after = memoryTree([
    { path: "", type: "directory" },
    { path: "b", type: "file", content: `${"\0".repeat(1999)}abc` },
    { path: "d", type: "directory", mode: 0o700 },
    { path: "m", ...plain, mode: 0o4755 },
    { path: "n", type: "file", content: "\0new" },
    { path: "o", ...plain, uid: 7, gid: 8 },
    { path: "p", type: "fifo" },
    { path: "x", ...plain, xattrs: { "user.note": "2" } },
  ]);
  const text = (await patchOf(before, after)).toString("utf8");
  t.is(
    text,
    [
      "# /b: binary files differ, 2.0 KiB → 2.0 KiB, 3 bytes changed",
      "# /d/: directory added mode 0700",
      "# /m: mode 0640→4755",
      "diff --git a/m b/m",
      "old mode 100644",
      "new mode 100755",
      "# /n: binary file added, 4 B",
      "# /o: owner 0:0→7:8",
      "# /p: fifo added mode 0644",
      "# /x: xattr user.note",
      "",
    ].join("\n"),
  );
});

test("printPatch() on a terminal shows escapes and bytes that are no UTF-8, and acts on none", async (t) => {
  const shown = (await patchOf(treeOf({ f: "a\n" }), treeOf({ f: "\x1b[2J\xff\tb\n", "e\x1b]0;x\x07": "c\n" }), true)).toString(
    "utf8",
  );
  t.false(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(shown));
  t.true(shown.includes("+\\x1b[2J\\xff\tb\n"));
  t.true(shown.includes('"b/e\\033]0;x\\007"'));
});
