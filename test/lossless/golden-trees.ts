import type { DescribedEntry } from "../contracts/described-tree.js";

const OWNER = { uid: 0, gid: 0 } as const;
const CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
/** u::rw-,u:1000:rw-,g::r--,m::rw-,o::r-- as the kernel keeps it. */
const ACL =
  "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff";

/** Chains of trees whose images are kept in fixtures/images: oldest first. No value here depends on the machine. */
export const GOLDEN_CHAINS: Readonly<Record<string, readonly (readonly DescribedEntry[])[]>> = {
  empty: [[root()]],
  types: [everyType()],
  changes: [before(), changed(), replaced()],
  directory: [longDirectory()],
  xattrs: [largeXattrs()],
};

function root(): DescribedEntry {
  return { path: "", type: "directory", uid: 0, gid: 0, mtimeSeconds: 981_173_106 };
}

function file(path: string, content: DescribedEntry["content"], more: Partial<DescribedEntry> = {}): DescribedEntry {
  return { path, type: "file", ...OWNER, ...(content === undefined ? {} : { content }), ...more };
}

function directory(path: string, more: Partial<DescribedEntry> = {}): DescribedEntry {
  return { path, type: "directory", ...OWNER, ...more };
}

function everyType(): DescribedEntry[] {
  return [
    { ...root(), xattrs: { "user.root": "of the tree" } },
    file(".wh.x", "a name like a whiteout of docker's"),
    file(".wh..wh..opq", ""),
    { path: "block", type: "block", ...OWNER, major: 259, minor: 70_000 },
    { path: "character", type: "character", ...OWNER, major: 4095, minor: 1_048_575, mode: 0o600 },
    directory("dir", { mode: 0o1777, xattrs: { "system.posix_acl_default": ACL, "trusted.overlay.opaque": "y" } }),
    file("dir/acl", "with an ACL", { mode: 0o664, xattrs: { "system.posix_acl_access": ACL } }),
    directory("dir/empty", { mode: 0, uid: 4_294_967_294, gid: 2_147_483_653 }),
    file("dir/link", undefined, { linkTo: "file" }),
    { path: "fifo", type: "fifo", ...OWNER, mtimeSeconds: -1, mtimeNanoseconds: 999_999_999 },
    file("file", "a file with two names", { mode: 0o4755, xattrs: { "security.capability": CAPABILITY } }),
    file("large", "plain blocks ".repeat(700), { mtimeSeconds: 5_000_000_000, mtimeNanoseconds: 1 }),
    file("large copy", "plain blocks ".repeat(700), { mode: 0o600 }),
    file("medium", "m".repeat(4090)),
    file("new\nline", "1"),
    { path: "socket", type: "socket", ...OWNER, mode: 0o755 },
    file("sparse", {
      size: 150_000,
      data: [
        [50_000, "in the middle"],
        [149_000, "e".repeat(1000)],
      ],
    }),
    { path: "symlink", type: "symlink", ...OWNER, target: "dir/../\xff", xattrs: { "trusted.of-a-link": "yes" } },
    { path: "symlink 4095", type: "symlink", ...OWNER, target: "t".repeat(4095) },
    file("\xff\xfe not UTF-8", "2"),
  ];
}

function before(): DescribedEntry[] {
  return [
    root(),
    directory("a"),
    file("a/gone", "1"),
    file("a/kept", "k".repeat(9000)),
    file("becomes-directory", "file"),
    directory("becomes-file"),
    file("becomes-file/x", "x"),
    file("copied", "c".repeat(5000)),
    file("holes", { size: 90_000, data: [[40_000, "data"]] }),
    file("linked", "l".repeat(4096)),
    file("linked too", undefined, { linkTo: "linked" }),
    file("moved later", "a short file under another name"),
    file("one changed block", Buffer.from(Array.from({ length: 40_960 }, (_, at) => (at >> 12) + 65))),
    file("short", "of which the metadata alone is changed"),
  ];
}

function changed(): DescribedEntry[] {
  const block = Buffer.from(Array.from({ length: 40_960 }, (_, at) => (at >> 12) + 65));
  block.write("changed", 20_480);
  return [
    root(),
    directory("a", { mode: 0o700 }),
    file("a/kept", "k".repeat(9000), { mode: 0o600 }),
    directory("becomes-directory"),
    file("becomes-directory/new", "n"),
    file("becomes-file", "file now"),
    file("copied", "c".repeat(5000)),
    file("copy", "c".repeat(5000)),
    file("holes", { size: 90_000, data: [[40_000, "data"]] }, { uid: 7 }),
    file("linked", "l".repeat(4096), { mtimeNanoseconds: 5 }),
    file("linked too", undefined, { linkTo: "linked" }),
    file("moved", "a short file under another name"),
    file("one changed block", block),
    file("short", "of which the metadata alone is changed", { mode: 0o600 }),
  ];
}

function replaced(): DescribedEntry[] {
  return [
    root(),
    directory("a"),
    file("a/kept", "k".repeat(9000)),
    { path: "becomes-directory", type: "symlink", ...OWNER, target: "a" },
    directory("becomes-file"),
    file("copy", "c".repeat(5000), { gid: 8 }),
    file("linked too", "l".repeat(4096)),
    file("moved", "a short file under another name", { uid: 9 }),
    file("short", "of which the metadata alone is changed", { mode: 0o640 }),
  ];
}

function longDirectory(): DescribedEntry[] {
  const names = Array.from({ length: 60 }, (_, n) => `${String.fromCharCode(48 + n)}${"n".repeat((n * 37) % 255)}`);
  return [root(), ...names.map((path, n): DescribedEntry => (n % 5 === 0 ? directory(path) : file(path, `${n}`)))];
}

function largeXattrs(): DescribedEntry[] {
  const xattrs = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`user.${n}`, String(n).repeat(60_000)]));
  return [
    root(),
    file("f", "with 360,000 bytes of xattrs", { xattrs }),
    file("g", "3 kB", { xattrs: { "user.3k": "3".repeat(3000) } }),
  ];
}
