import test from "ava";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { VarveError } from "../../../core/errors.js";
import { joinPath, type ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode, FileNode, TreeNode } from "../../../core/model/tree.js";
import { atOnce } from "../../../core/turns.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { nodeAt } from "../../../store/directory/upper-placement.js";
import { writeTree } from "../../../store/directory/write-directory.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { FALSE_SIZES, testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

treeContract(
  test,
  "live directory",
  (entries, t) => {
    const directory = path.join(temporaryDirectory(t), "root");
    mkdirSync(directory);
    atOnce(writeTree(memoryTree(entries), directory));
    return openDirectoryTree(directory);
  },
  { privileged: process.getuid?.() === 0 },
);

const TREE = `
  mkdir -p a/b/c empty $'odd\\xff\\nname'; head -c 70000 /dev/urandom > a/big; ln a/big a/b/big; echo x > a/b/c/x; ln -s c/x a/b/link
  mkfifo a/pipe; truncate -s 1M a/sparse; chmod 2751 a/b; touch -d '1950-06-07 08:09:10.111222333' a/b/c/x empty`;

test("openDirectoryTree() agrees with find(1), sha256sum(1) and getfattr(1)", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, `${TREE}; setfattr -n user.note -v v a/big`);
  const tree = openDirectoryTree(folder);
  const lines: string[] = [];
  const sums: string[] = [];
  visit(tree.root, (at, node) => {
    const { type, mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = node.entry;
    const letter = { directory: "d", file: "f", symlink: "l", fifo: "p" }[type as "file"];
    const time = (BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds)).toString();
    const size = "content" in node ? node.entry.size : "";
    lines.push(`${at} ${letter} ${mode.toString(8)} ${uid} ${gid} ${time} ${size}`);
    if ("content" in node) sums.push(`${node.content.digest()}  ${at}`);
  });
  const found = shell(folder, `find . -mindepth 1 -printf '%P\\t%y\\t%m\\t%U\\t%G\\t%T@\\t%s\\0'`).split("\0").slice(0, -1);
  const wanted = found.map((line) => {
    const [at, letter, mode, uid, gid, time = "", size] = line.split("\t");
    return `${at} ${letter} ${mode} ${uid} ${gid} ${nanoseconds(time)} ${letter === "f" ? size : ""}`;
  });
  t.deepEqual(lines.sort(), wanted.sort());
  const digests = shell(folder, `find . -type f -printf '%P\\0' | xargs -0 sha256sum`).trim().split("\n");
  t.deepEqual(sums.sort(), digests.sort());
  const big = nodeAt(tree.root, "a/big" as ByteString) as FileNode;
  t.is(`user.note="${Buffer.from(big.entry.xattrs[0]!.value).toString()}"`, shell(folder, "getfattr -d a/big").split("\n")[1]!);
  t.deepEqual(big.links?.paths(), ["a/b/big", "a/big"] as ByteString[]);
  tree.close();
});

/** `find` prints the fraction of a time before 1970 as if it were after the whole second. */
function nanoseconds(time: string): string {
  const [seconds = "", fraction = ""] = time.split(".");
  return (BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"))).toString();
}

const accidents: readonly (readonly [what: string, script: string])[] = [
  ["grew", "echo more >> d/f"],
  ["shrank", ": > d/f"],
  ["vanished", "rm d/f"],
  ["became a FIFO", "rm d/f; mkfifo d/f"],
  ["became a symlink", "rm d/f; ln -s /etc/passwd d/f"],
  ["became another file", "echo other > g; mv g d/f"],
  ["lost its directory", "mv d e"],
  ["has a symlink for its directory", "mv d e; ln -s e d"],
];

for (const [what, script] of accidents) {
  test(`open() of a file that ${what} since the walk throws SOURCE_CHANGED`, (t) => {
    const folder = temporaryDirectory(t);
    shell(folder, "mkdir d z; echo content > d/f; touch z/f");
    const tree = openDirectoryTree(folder);
    const file = nodeAt(tree.root, "d/f" as ByteString) as FileNode;
    // The directory read last is kept open: not d.
    t.truthy(nodeAt(tree.root, "z/f" as ByteString));
    shell(folder, script);
    const error = t.throws(() => file.content.open(), { instanceOf: VarveError });
    t.is(error?.code, "SOURCE_CHANGED");
    t.is(error?.path, path.join(folder, "d/f"));
    t.truthy(error?.hint);
    tree.close();
  });
}

testIf("false-sizes")("digest() of a file that ends before its size throws SOURCE_CHANGED with what to do", (t) => {
  const tree = openDirectoryTree(FALSE_SIZES);
  const file = tree.root.child("enabled" as ByteString) as FileNode;
  const error = t.throws(() => file.content.digest(), { instanceOf: VarveError, code: "SOURCE_CHANGED" });
  t.is(error.path, `${FALSE_SIZES}/enabled`);
  // The kernel may also give it another time whenever it is looked at.
  t.regex(error.message, /it ends before the \d+ bytes|it changed while it was read/);
  t.regex(error.hint ?? "", /--exclude/);
  tree.close();
});

test("verify() of a file that changed while it was read throws SOURCE_CHANGED; asked for again, it is the new one", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "echo content > f");
  const tree = openDirectoryTree(folder);
  const before = tree.root.child("f" as ByteString) as FileNode;
  const reader = before.content.open();
  shell(folder, "echo more >> f");
  t.throws(() => reader.verify(), { code: "SOURCE_CHANGED" });
  reader.close();
  t.is(before.entry.size, 8);
  t.throws(() => before.content.digest(), { code: "SOURCE_CHANGED" }, "its entry is of another time");
  const again = tree.root.child("f" as ByteString) as FileNode;
  t.is(again.entry.size, 13);
  t.is(String(again.content.digest()), shell(folder, "sha256sum < f").slice(0, 64));
  tree.close();
});

test("a directory that is swapped for a symlink during walks never leads out of the tree", async (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir -p outside root/d; echo secret > outside/f; echo inside > root/d/f; ln -s ../outside root/s");
  const swapper = spawn("node", ["-e", SWAPPER, path.join(folder, "root")], { stdio: "ignore" });
  const end = Date.now() + 1500;
  // On a busy machine each walk may meet a swap for a while.
  const latest = end + 60_000;
  let read = 0;
  while (Date.now() < (read === 0 ? latest : end)) {
    await setImmediate();
    try {
      const tree = openDirectoryTree(path.join(folder, "root"));
      try {
        visit(tree.root, (_, node) => {
          if (!("content" in node)) return;
          t.is(String(node.content.digest()), INSIDE);
          read++;
        });
      } finally {
        tree.close();
      }
    } catch (error) {
      t.true(error instanceof VarveError && error.code === "SOURCE_CHANGED", String(error));
    }
  }
  swapper.kill();
  t.true(read > 0);
});

const INSIDE = createHash("sha256").update("inside\n").digest("hex");
const SWAPPER = `
  const fs = require("node:fs"); process.chdir(process.argv[1]);
  for (;;) try { fs.renameSync("d", "t"); fs.renameSync("s", "d"); fs.renameSync("d", "s"); fs.renameSync("t", "d"); } catch {}`;

test("paths longer than PATH_MAX and deeper than the descriptor limit are read", (t) => {
  const folder = temporaryDirectory(t);
  shell(
    folder,
    "n=$(printf 'd%.0s' {1..100}); for i in $(seq 1200); do mkdir $n; cd -P $n 2>/dev/null || exit 1; done; echo deep > file",
  );
  const tree = openDirectoryTree(folder);
  let found = 0;
  visit(tree.root, (at, node) => {
    if (!("content" in node)) return;
    found++;
    t.true(at.length > 100_000);
    t.is(String(node.content.digest()), createHash("sha256").update("deep\n").digest("hex"));
  });
  t.is(found, 1);
  tree.close();
});

testIf("mounts")("openDirectoryTree() enters no mount point, and lists them", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir m b; echo f > f; echo g > g; mount -t tmpfs none m; touch m/inside; mount --bind f g; mount --bind m b");
  t.teardown(() => shell(folder, "umount m g b"));
  const tree = openDirectoryTree(folder);
  t.deepEqual(
    [...tree.root.children()].map(([name]) => name),
    ["b", "f", "m"] as ByteString[],
  );
  t.deepEqual([...(tree.root.child("m" as ByteString) as DirectoryNode).children()], []);
  t.deepEqual(tree.mounts, ["b", "g", "m"] as ByteString[]);
  tree.close();
});

testIf("root")("openDirectoryTree() refuses a character device 0:0", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir d; mknod d/w c 0 0");
  const error = t.throws(() => openDirectoryTree(folder), { instanceOf: VarveError, code: "UNSUPPORTED" });
  t.is(error?.path, path.join(folder, "d/w"));
});

test("openDirectoryTree() of what is absent throws SOURCE_MISSING, of a file WRONG_TYPE", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "touch f");
  t.throws(() => openDirectoryTree(path.join(folder, "none")), { code: "SOURCE_MISSING" });
  t.throws(() => openDirectoryTree(path.join(folder, "f")), { code: "WRONG_TYPE" });
});

testIf("root", "setpriv")("an unreadable directory or file is SOURCE_UNREADABLE, with its whole path", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir -p a/d b; chmod 755 .; echo x > b/f; chmod 600 b/f; chmod 700 a/d");
  const program = `
    import { openDirectoryTree } from ${JSON.stringify(new URL("../../../store/directory/directory-tree.js", import.meta.url).href)};
    for (const name of ["a", "b"]) {
      try { openDirectoryTree(process.argv[1] + "/" + name).root.child("f").content.digest(); }
      catch (error) { console.log(error.code, error.path); }
    }`;
  const output = execFileSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", "node", "--input-type=module", "-e", program, folder],
    { encoding: "utf8" },
  );
  t.is(output, `SOURCE_UNREADABLE ${folder}/a/d\nSOURCE_UNREADABLE ${folder}/b/f\n`);
});

function shell(folder: string, script: string): string {
  return execFileSync("bash", ["-euc", script], { cwd: folder, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
}

function visit(directory: DirectoryNode, see: (path: ByteString, node: TreeNode) => void, at = "" as ByteString): void {
  for (const [name, node] of directory.children()) {
    see(joinPath(at, name), node);
    if ("children" in node) visit(node, see, joinPath(at, name));
  }
}
