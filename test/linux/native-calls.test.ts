import test from "ava";
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { SystemCallError } from "../../linux/errno.js";
import { fileExtents } from "../../linux/file-holes.js";
import { tryLock } from "../../linux/lock.js";
import { changeMode, changeOwner, makeLink, makeNode, makeSymlink, readLink } from "../../linux/make-node.js";
import { closeDescriptor, OPEN_DIRECTORY, OPEN_FILE, openAt, openWithin, RESOLVE_IN_ROOT } from "../../linux/open-at.js";
import { AT_FDCWD, RESOLVE_BENEATH, tryOpenAt } from "../../linux/open-at.js";
import { readDirectory } from "../../linux/read-directory.js";
import { RENAME_EXCHANGE, RENAME_NOREPLACE, renameAt } from "../../linux/rename.js";
import { S_IFBLK, S_IFIFO, S_IFREG, statAt } from "../../linux/stat.js";
import { syncDescriptor, syncFilesystem } from "../../linux/sync.js";
import { setModificationTime } from "../../linux/times.js";
import { removeTree, unlink } from "../../linux/unlink.js";
import { getXattr, listXattrs, removeXattr, setXattr } from "../../linux/xattr.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

interface Place {
  readonly folder: string;
  readonly fd: number;
}

function openFolder(t: Parameters<typeof temporaryDirectory>[0]): Place {
  const folder = temporaryDirectory(t);
  const fd = openAt(AT_FDCWD, folder, OPEN_DIRECTORY);
  t.teardown(() => closeDescriptor(fd));
  return { folder, fd };
}

function shell(folder: string, script: string): string {
  return execFileSync("bash", ["-euc", script], { cwd: folder, encoding: "latin1" });
}

test("statAt() tells what stat(1) tells", (t) => {
  const { folder, fd } = openFolder(t);
  shell(folder, "head -c 5000 /dev/zero > f; ln f g; chmod 4751 f; touch -d '1903-01-02 03:04:05.000000006 UTC' f");
  const stat = statAt(fd, "f");
  const [mode, uid, gid, nlink, size, blocks, inode, mtime, ctime] = shell(folder, "stat -c '%f %u %g %h %s %b %i %.9Y %.9Z' f")
    .trim()
    .split(" ");
  t.is(stat.mode, Number(`0x${mode}`));
  t.deepEqual([stat.uid, stat.gid, stat.nlink, stat.size, stat.blocks].map(String), [uid, gid, nlink, size, blocks]);
  t.is(String(BigInt(stat.inodeHigh) * 0x100000000n + BigInt(stat.inodeLow)), String(inode));
  // GNU stat prints the fraction of a negative number downwards from zero.
  t.is(stat.mtimeSeconds, Date.UTC(1903, 0, 2, 3, 4, 5) / 1000);
  t.is(stat.mtimeNanoseconds, 6);
  t.truthy(mtime);
  t.is(`${stat.ctimeSeconds}.${String(stat.ctimeNanoseconds).padStart(9, "0")}`, String(ctime));
});

testIf("root")("makeNode() makes devices of any number, and statAt() reads it", (t) => {
  const { folder, fd } = openFolder(t);
  makeNode(fd, "disk", S_IFBLK | 0o640, 259, 70_000);
  const stat = statAt(fd, "disk");
  t.deepEqual([stat.rdevMajor, stat.rdevMinor], [259, 70_000]);
  t.is(shell(folder, "stat -c '%t:%T' disk").trim(), `${(259).toString(16)}:${(70_000).toString(16)}`);
});

test("readDirectory() lists 30,000 names, and names of any bytes", (t) => {
  const { folder, fd } = openFolder(t);
  shell(folder, "seq -f 'a-rather-long-name-%.0f' 30000 | xargs touch; touch $'\\xff\\xfe' $'new\\nline' .hidden");
  const { names, kinds } = readDirectory(fd);
  t.is(names.length, 30_003);
  t.is(kinds.length, names.length);
  t.deepEqual(names.sort(), shell(folder, "LC_ALL=C find . -mindepth 1 -printf '%P\\0'").split("\0").slice(0, -1).sort());
});

test("xattrs are set, listed in byte order, read and removed, of a file, a directory and a name", (t) => {
  const { folder, fd } = openFolder(t);
  writeFileSync(path.join(folder, "f"), "");
  const value = Buffer.from([0, 255, 10, 61]);
  for (const name of ["", "f"]) {
    setXattr(fd, name, "user.z", value);
    setXattr(fd, name, "user.a\xe9", Buffer.alloc(0));
    t.deepEqual(listXattrs(fd, name), ["user.a\xe9", "user.z"]);
    t.deepEqual(Buffer.from(getXattr(fd, name, "user.z")!), value);
    t.is(getXattr(fd, name, "user.a\xe9")?.length, 0);
    removeXattr(fd, name, "user.z");
    removeXattr(fd, name, "user.z");
    t.is(getXattr(fd, name, "user.z"), undefined);
  }
});

testIf("root")("xattrs of a symlink are its own", (t) => {
  const { folder, fd } = openFolder(t);
  writeFileSync(path.join(folder, "target"), "");
  makeSymlink(fd, "link", "target");
  setXattr(fd, "link", "trusted.t", Buffer.from("1"));
  t.deepEqual(listXattrs(fd, "link"), ["trusted.t"]);
  t.deepEqual(listXattrs(fd, "target"), []);
});

test("fileExtents() finds holes, and covers the file", (t) => {
  const { folder } = openFolder(t);
  const file = openSync(path.join(folder, "f"), "w+");
  writeSync(file, "data", 1 << 20);
  ftruncateSync(file, 3 << 20);
  const extents = [...fileExtents(file, 3 << 20)];
  t.deepEqual(
    extents.map(({ kind }) => kind),
    ["hole", "data", "hole"],
  );
  t.is(extents[1]!.offset, 1 << 20);
  t.is(
    extents.reduce((sum, { length }) => sum + length, 0),
    3 << 20,
  );
  closeSync(file);
});

for (const [seconds, nanoseconds] of [
  [0, 0],
  [-1, 999_999_999],
  [-2_000_000_000, 1],
  [4_294_967_296, 123_456_789],
] as const) {
  test(`setModificationTime() sets ${seconds} s and ${nanoseconds} ns, a symlink's own too`, (t) => {
    const { folder, fd } = openFolder(t);
    makeSymlink(fd, "link", "nowhere");
    writeFileSync(path.join(folder, "f"), "");
    for (const name of ["f", "link"]) {
      setModificationTime(fd, name, seconds, nanoseconds);
      const stat = statAt(fd, name);
      t.deepEqual([stat.mtimeSeconds, stat.mtimeNanoseconds], [seconds, nanoseconds]);
    }
  });
}

test("changeMode() sets setuid, setgid and sticky of any type but follows no symlink", (t) => {
  const { fd } = openFolder(t);
  makeNode(fd, "pipe", S_IFIFO | 0o600);
  makeNode(fd, "file", S_IFREG | 0o600);
  makeSymlink(fd, "link", "file");
  changeMode(fd, "pipe", 0o7751);
  t.is(statAt(fd, "pipe").permissions, 0o7751);
  t.throws(() => changeMode(fd, "link", 0o777), { instanceOf: SystemCallError, message: /EOPNOTSUPP|ENOTSUP/ });
  t.is(statAt(fd, "file").permissions, 0o600);
});

testIf("root")("changeOwner() takes 32-bit ids and changes a symlink itself", (t) => {
  const { folder, fd } = openFolder(t);
  writeFileSync(path.join(folder, "f"), "");
  makeSymlink(fd, "link", "f");
  changeOwner(fd, "link", 4_294_967_294, 2_147_483_653);
  t.deepEqual([statAt(fd, "link").uid, statAt(fd, "link").gid], [4_294_967_294, 2_147_483_653]);
  t.is(statAt(fd, "f").uid, 0);
});

test("readLink() gives the bytes, and makeLink() links a symlink itself", (t) => {
  const { fd } = openFolder(t);
  makeSymlink(fd, "a", "\xff\n".repeat(2000));
  makeLink(fd, "a", fd, "b");
  t.is(readLink(fd, "b"), "\xff\n".repeat(2000));
});

test("renameAt() swaps, and keeps what stands there when told to", (t) => {
  const { folder, fd } = openFolder(t);
  shell(folder, "echo 1 > a; echo 2 > b");
  renameAt(fd, "a", fd, "b", RENAME_EXCHANGE);
  t.is(shell(folder, "cat a b"), "2\n1\n");
  const error = t.throws(() => renameAt(fd, "a", fd, "b", RENAME_NOREPLACE), { instanceOf: SystemCallError });
  t.is(error?.code, "EEXIST");
  t.is(error?.syscall, "renameat2");
  t.is(error?.path, "b");
});

test("openWithin() keeps a symlink's target within the root", (t) => {
  const { folder, fd } = openFolder(t);
  mkdirSync(path.join(folder, "etc"));
  writeFileSync(path.join(folder, "etc", "passwd"), "ours");
  symlinkSync("/etc/passwd", path.join(folder, "link"));
  const inside = openWithin(fd, "link", OPEN_FILE & ~0o400000, RESOLVE_IN_ROOT);
  t.is(statAt(inside, "").size, 4);
  closeDescriptor(inside);
  t.throws(() => openWithin(fd, "../x", OPEN_FILE, RESOLVE_BENEATH), { message: /EXDEV/ });
});

test("openAt() with OPEN_FILE neither waits for a FIFO nor follows a symlink", (t) => {
  const { fd } = openFolder(t);
  makeNode(fd, "pipe", S_IFIFO | 0o600);
  makeSymlink(fd, "link", "/etc/passwd");
  closeDescriptor(openAt(fd, "pipe", OPEN_FILE));
  t.true(tryOpenAt(fd, "link", OPEN_FILE) < 0);
});

test("tryLock() of another opening says no until the lock is free", (t) => {
  const { folder } = openFolder(t);
  const [one, two] = [openSync(path.join(folder, "lock"), "w"), openSync(path.join(folder, "lock"), "w")];
  t.true(tryLock(one, "exclusive"));
  t.false(tryLock(two, "shared"));
  t.true(tryLock(one, "shared"));
  t.true(tryLock(two, "shared"));
  t.false(tryLock(two, "exclusive"));
  closeSync(one);
  t.true(tryLock(two, "exclusive"));
  closeSync(two);
});

test("syncDescriptor() and syncFilesystem() take a directory", (t) => {
  const { fd } = openFolder(t);
  t.notThrows(() => syncDescriptor(fd));
  t.notThrows(() => syncFilesystem(fd));
});

test("removeTree() removes a tree deeper than a path can say, and no symlink's target", (t) => {
  const { folder, fd } = openFolder(t);
  shell(
    folder,
    "mkdir kept; echo k > kept/file; mkdir gone; cd gone; ln -s ../kept link; for i in $(seq 100); do mkdir $i; echo $i > $i/f; done",
  );
  shell(folder, "cd gone; n=$(printf 'd%.0s' {1..200}); for i in $(seq 60); do mkdir $n; touch f; cd -P $n; done");
  removeTree(fd, "gone");
  removeTree(fd, "gone");
  t.deepEqual(readDirectory(fd).names, ["kept"]);
  t.is(shell(folder, "cat kept/file"), "k\n");
  t.true(unlink(fd, "kept/file"));
  t.false(unlink(fd, "kept/file"));
});

test("a path with NUL is refused", (t) => {
  t.throws(() => statAt(AT_FDCWD, "/etc\0/passwd"), { instanceOf: RangeError });
});
