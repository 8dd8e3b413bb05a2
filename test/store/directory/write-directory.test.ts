import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../../core/errors.js";
import type { DirectoryNode, Tree, TreeNode } from "../../../core/model/tree.js";
import { atOnce } from "../../../core/turns.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { applyTree, writeTree } from "../../../store/directory/write-directory.js";
import { byWalk, type DescribedEntry, describeTree, expectedEntry } from "../../contracts/described-tree.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

test("writeTree() of any tree, then openDirectoryTree(), gives the same tree", (t) => {
  const folder = temporaryDirectory(t);
  let run = 0;
  fc.assert(
    fc.property(arbitraryTree, (entries) => {
      const directory = path.join(folder, String(run++));
      atOnce(writeTree(memoryTree(entries), directory));
      const tree = openDirectoryTree(directory);
      t.deepEqual(
        describeTree(tree),
        entries.toSorted(byWalk).map((entry) => expectedEntry(entry, entries)),
      );
      tree.close();
    }),
    { numRuns: 150 },
  );
});

test("applyTree() makes any tree of any other", (t) => {
  const folder = temporaryDirectory(t);
  let run = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryTree, (before, after) => {
      const directory = path.join(folder, String(run++));
      atOnce(writeTree(memoryTree(before), directory));
      const current = openDirectoryTree(directory);
      atOnce(applyTree(current, memoryTree(after), directory));
      current.close();
      const tree = openDirectoryTree(directory);
      t.deepEqual(
        describeTree(tree),
        after.toSorted(byWalk).map((entry) => expectedEntry(entry, after)),
      );
      tree.close();
    }),
    { numRuns: 300 },
  );
});

const SIMPLE: readonly DescribedEntry[] = [
  { path: "", type: "directory", mtimeSeconds: 10 },
  { path: "d", type: "directory", mtimeSeconds: 11 },
  { path: "d/a", type: "file", content: "a" },
  { path: "d/b", type: "file", content: "b" },
  { path: "e", type: "directory", mtimeSeconds: 12 },
  { path: "e/c", type: "file", content: "c" },
];

/** SIMPLE with one path changed or added. */
function simpleWith(...entries: DescribedEntry[]): Tree {
  const paths = new Set(entries.map(({ path: at }) => at));
  return memoryTree([...SIMPLE.filter(({ path: at }) => !paths.has(at)), ...entries]);
}

function written(t: ExecutionContext): string {
  const directory = path.join(temporaryDirectory(t), "root");
  atOnce(writeTree(memoryTree(SIMPLE), directory));
  return directory;
}

function apply(directory: string, target: Tree): void {
  const current = openDirectoryTree(directory);
  try {
    atOnce(applyTree(current, target, directory));
  } finally {
    current.close();
  }
}

function shell(folder: string, script: string): string {
  return execFileSync("bash", ["-euc", script], { cwd: folder, encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
}

/** Every path with its inode and the time of its last change. */
function inodes(directory: string): Map<string, string> {
  const lines = shell(directory, "find . -printf '%P\\t%i %C@\\n'").trimEnd().split("\n");
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

test("applyTree() touches only what differs", (t) => {
  const directory = written(t);
  const before = inodes(directory);
  apply(directory, simpleWith({ path: "d/a", type: "file", content: "other" }));
  const changed = [...inodes(directory)].filter(([at, inode]) => before.get(at) !== inode).map(([at]) => at);
  t.deepEqual(changed.sort(), ["d", "d/a"]);
  t.is(shell(directory, "cat d/a d/b"), "otherb");
});

test("applyTree() that changes metadata alone keeps the inode and the content", (t) => {
  const directory = written(t);
  const { ino } = statSync(path.join(directory, "d/a"));
  apply(directory, simpleWith({ path: "d/a", type: "file", content: "a", mode: 0o4711, mtimeSeconds: -5 }));
  t.is(statSync(path.join(directory, "d/a")).ino, ino);
  t.is(shell(directory, "stat -c '%a %Y' d/a"), "4711 -5\n");
});

test("applyTree() of a link to an inode that stays makes one more name, not a copy", (t) => {
  const directory = written(t);
  const { ino } = statSync(path.join(directory, "d/a"));
  apply(directory, simpleWith({ path: "e/z", type: "file", linkTo: "d/a" }));
  t.is(statSync(path.join(directory, "d/a")).ino, ino);
  t.is(statSync(path.join(directory, "e/z")).ino, ino);
});

test("applyTree() follows no symlink that stands in a directory's place", (t) => {
  const directory = written(t);
  const current = openDirectoryTree(directory);
  shell(directory, "mv d ../victim; ln -s ../victim d");
  t.throws(() => atOnce(applyTree(current, simpleWith({ path: "d/a", type: "file", content: "hit" }), directory)), {
    instanceOf: VarveError,
  });
  t.is(shell(directory, "cat ../victim/a; ls ../victim"), "aa\nb\n");
  current.close();
});

test("applyTree() leaves what is excluded alone", (t) => {
  const directory = written(t);
  shell(directory, "mkdir .varve; echo store > .varve/file");
  const current = openDirectoryTree(directory, { exclude: [".varve"] });
  atOnce(applyTree(current, memoryTree([{ path: "", type: "directory" }]), directory, { exclude: [".varve"] }));
  current.close();
  t.deepEqual(shell(directory, "find . -mindepth 1 | sort").trim().split("\n"), ["./.varve", "./.varve/file"]);
});

test("writeTree() into a directory that holds something throws DESTINATION_NOT_EMPTY", (t) => {
  const directory = written(t);
  t.throws(() => atOnce(writeTree(memoryTree(SIMPLE), directory)), { instanceOf: VarveError, code: "DESTINATION_NOT_EMPTY" });
});

/** A tree that can be read half. */
function breakingTree(): Tree {
  const { root } = memoryTree(SIMPLE);
  const children = function* (): ReturnType<DirectoryNode["children"]> {
    yield* [...root.children()].slice(0, 2);
    throw new VarveError("LAYER_CORRUPT", "Cannot read it: broken");
  };
  return { root: { ...root, entry: root.entry, digest: undefined, children, child: () => undefined }, close: () => undefined };
}

test("writeTree() that fails half-way removes what it wrote, and the directories that it made", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir there");
  for (const place of ["there", "new", "there/a/b"]) {
    t.throws(() => atOnce(writeTree(breakingTree(), path.join(folder, place))), { code: "LAYER_CORRUPT" });
    t.is(shell(folder, "find . | sort"), ".\n./there\n", place);
  }
});

test("writeTree() onto a file, or below one, throws WRONG_TYPE and leaves it", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "echo text > file");
  for (const place of ["file", "file/below"]) {
    const error = t.throws(() => atOnce(writeTree(memoryTree(SIMPLE), path.join(folder, place))), { code: "WRONG_TYPE" });
    t.true(error instanceof VarveError && error.hint !== undefined);
  }
  t.is(shell(folder, "cat file"), "text\n");
});

test("writeTree() writes paths longer than PATH_MAX, and holes as holes", (t) => {
  const names = Array.from({ length: 60 }, () => "n".repeat(100));
  const deep = names.map((_, depth) => ({ path: names.slice(0, depth + 1).join("/"), type: "directory" }) as const);
  const file = { path: `${names.join("/")}/f`, type: "file", content: { size: 9_000_000, data: [[8_000_000, "x"]] } } as const;
  const entries: DescribedEntry[] = [{ path: "", type: "directory" }, ...deep, file];
  const directory = path.join(temporaryDirectory(t), "root");
  atOnce(writeTree(memoryTree(entries), directory));
  const tree = openDirectoryTree(directory);
  t.deepEqual(
    describeTree(tree),
    entries.toSorted(byWalk).map((entry) => expectedEntry(entry, entries)),
  );
  tree.close();
  t.true(Number(shell(directory, "du -sk .").split("\t")[0]) < 1000);
});

testIf("mounts")("applyTree() on a full disk throws DISK_FULL and leaves everything as it was", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "mkdir root; mount -t tmpfs -o size=256k none root");
  t.teardown(() => shell(folder, "umount root"));
  const directory = path.join(folder, "root");
  atOnce(writeTree(memoryTree(SIMPLE), directory));
  const describe = (): unknown => {
    const tree = openDirectoryTree(directory);
    const described = describeTree(tree);
    tree.close();
    return described;
  };
  const before = describe();
  const target = simpleWith(
    { path: "d/a", type: "file", content: "changed" },
    { path: "e/large", type: "file", content: Buffer.alloc(1 << 20, "large") },
    { path: "e/n", type: "directory" },
  );
  const error = t.throws(() => apply(directory, target), { instanceOf: VarveError, code: "DISK_FULL" });
  t.is(error?.path, "/e/large");
  t.deepEqual(describe(), before);
});

testIf("mounts", "mkfs.ext4")("writeTree() of more xattrs than the filesystem can hold throws UNSUPPORTED", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "truncate -s 8M image; mkfs.ext4 -q -b 4096 image; mkdir disk; mount -o loop image disk");
  t.teardown(() => shell(folder, "umount disk"));
  const xattrs = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`user.${n}`, "v".repeat(600)]));
  const tree = memoryTree([
    { path: "", type: "directory" },
    { path: "f", type: "file", xattrs },
  ]);
  const error = t.throws(() => atOnce(writeTree(tree, path.join(folder, "disk/root"))), { instanceOf: VarveError });
  t.like(error, { code: "UNSUPPORTED", path: "/f", hint: "Name a place on another filesystem, such as xfs or tmpfs." });
});

testIf("root")("applyTree() stopped at any system call is completed by doing it again", (t) => {
  const target = simpleWith(
    { path: "d", type: "file", content: "was a directory" },
    { path: "e/c", type: "directory" },
    { path: "e/c/x", type: "file", content: "new" },
    { path: "e/y", type: "file", linkTo: "e/c/x" },
  );
  const wanted = describeTree(target);
  for (let stop = 1; stop < 30; stop++) {
    const directory = written(t);
    let calls = 0;
    const failing = withReads(target, () => {
      if (++calls === stop) throw new VarveError("INTERRUPTED", "Cannot go on: stopped by the test");
    });
    try {
      apply(directory, failing);
    } catch (error) {
      t.is((error as VarveError).code, "INTERRUPTED");
    }
    apply(directory, target);
    const tree = openDirectoryTree(directory);
    t.deepEqual(describeTree(tree), wanted);
    tree.close();
  }
});

/** The tree, with a hook before each read of a directory. */
function withReads(tree: Tree, hook: () => void): Tree {
  const wrap = (node: TreeNode): TreeNode =>
    "children" in node
      ? {
          entry: node.entry,
          digest: node.digest,
          *children() {
            for (const [name, child] of node.children()) {
              hook();
              yield [name, wrap(child)] as const;
            }
          },
          child: (name) => node.child(name),
        }
      : node;
  return { root: wrap(tree.root) as DirectoryNode, close: () => tree.close() };
}

testIf("root", "setpriv")("writing what this user may not write throws PERMISSION before anything is touched", (t) => {
  const folder = temporaryDirectory(t);
  shell(folder, "chmod 755 .; mkdir own; chown 65534:65534 own");
  const at = (file: string): string => JSON.stringify(new URL(`../../../${file}`, import.meta.url).href);
  const program = `
    import { atOnce } from ${at("core/turns.js")};
    import { writeTree } from ${at("store/directory/write-directory.js")};
    import { memoryTree } from ${at("test/helpers/memory-tree.js")};
    const own = { uid: 65534, gid: 65534 };
    const cases = [
      { path: "owner", type: "file", content: "", uid: 0, gid: 65534 },
      { path: "device", type: "character", major: 1, minor: 3, ...own },
      { path: "trusted", type: "file", content: "", xattrs: { "trusted.x": "1" }, ...own },
      { path: "fine", type: "file", content: "", ...own },
    ];
    for (const [n, entry] of cases.entries()) {
      const first = { path: "0", type: "file", content: "0", ...own };
      try {
        atOnce(writeTree(memoryTree([{ path: "", type: "directory", ...own }, first, entry]), process.argv[1] + "/" + n));
        console.log("written");
      } catch (error) { console.log(error.code, error.path, error.hint !== undefined); }
    }`;
  const output = execFileSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", "node", "--input-type=module", "-e", program, path.join(folder, "own")],
    { encoding: "utf8" },
  );
  t.is(output, "PERMISSION /owner true\nPERMISSION /device true\nPERMISSION /trusted true\nwritten\n");
  t.is(shell(folder, "find own -type f | sort"), "own/3/0\nown/3/fine\n");
});
