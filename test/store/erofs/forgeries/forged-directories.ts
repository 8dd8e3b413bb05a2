import { entryName } from "./forged-chain.js";
import { all, AT, copied, DIRENT, inode, renamed, set, U32, written, type Forgery } from "./forgery.js";

export const FORGED_DIRECTORIES: readonly Forgery[] = [
  { what: "a directory in itself", change: renamed("a/in", (image) => image.nid("a")) },
  { what: "the root in a directory", change: renamed("a/in", (image) => image.nid("")) },
  { what: "a directory in one that it holds", change: renamed("a/in/deep", (image) => image.nid("a")) },
  {
    what: "a directory in one that it holds, its parent by its own word",
    change: all(
      renamed("a/..", (image) => image.nid("a/in")),
      renamed("a/in/deep", (image) => image.nid("a")),
    ),
  },
  { what: "a `.` that names another directory", change: renamed("a/.", (image) => image.nid("a/in")) },
  { what: "a `..` that names another directory", change: renamed("a/in/deep/..", (image) => image.nid("a")) },
  { what: "a root with a parent", change: renamed("..", (image) => image.nid("a")) },
  { what: "a directory with two parents", change: renamed("many", (image) => image.nid("a/in")) },
  { what: "a directory with two names", change: renamed("many", (image) => image.nid("a")) },
  { what: "a directory without `.`", change: written("-", (image) => image.name("a/in/.")) },
  { what: "a directory without `..`", change: written(".-", (image) => image.name("a/in/..")) },
  { what: "two directories that share blocks", change: inode("more", AT.address, 4, (image) => image.block("many")) },
  { what: "a directory among the contents", change: inode("many", AT.address, 4, (image) => image.block("plain")) },
  { what: "a directory at block 0", change: inode("many", AT.address, 4, 0) },
  { what: "a directory at block 2^32 - 1", change: inode("many", AT.address, 4, U32) },
  { what: "a directory past the end", change: inode("many", AT.size, 8, 1n << 30n) },
  { what: "a directory of 2^32 blocks and a tail", change: inode("many", AT.size, 8, (1n << 44n) + 100n) },
  { what: "a directory of no bytes", change: inode("a/in", AT.size, 8, 0) },
  { what: "a directory in chunks", change: inode("many", AT.format, 2, 9) },
  { what: "a directory inline that has no tail", change: inode("many", AT.size, 8, 8192) },
  { what: "a file that is said to be a directory", change: set(1, (image) => image.entry("small") + DIRENT.type, 2) },
  { what: "a directory that is said to be a file", change: set(1, (image) => image.entry("a") + DIRENT.type, 1) },
];

export const FORGED_NAMES: readonly Forgery[] = [
  { what: "a name with a slash", change: written("/", (image) => image.name("small") + 2) },
  { what: "a name that leads up", change: written("../x", (image) => image.name("a/hard")) },
  { what: "a name with a NUL", change: written("\0", (image) => image.name("small") + 2) },
  { what: "a second `.`", change: written(".", (image) => image.name("names/-")) },
  { what: "a second `..`", change: written("..", (image) => image.name("names/.a")) },
  {
    what: "a name of no bytes",
    change: copied(
      2,
      (image) => image.entry("hard") + DIRENT.name,
      (image) => image.entry("fifo") + DIRENT.name,
    ),
  },
  {
    what: "a name of 300 bytes",
    change: set(
      2,
      (image) => image.entry(`names/${"b".repeat(200)}`) + DIRENT.name,
      (image) => image.bytes.readUInt16LE(image.entry(`names/${"b".repeat(200)}`) + DIRENT.name) + 100,
    ),
  },
  { what: "the same name twice", change: written("A", (image) => image.name("plain B") + 6) },
  {
    what: "two names swapped",
    change: (image) => {
      const [short, small] = [image.name("short"), image.name("small")];
      image.bytes.write("small", short);
      image.bytes.write("short", small);
    },
  },
  { what: "names unsorted in the first of several blocks", change: written("~", (image) => image.name(`many/${entryName(0)}`)) },
  {
    what: "names unsorted in the second of several blocks",
    change: written("~", (image) => image.name(`many/${entryName(20)}`)),
  },
  { what: "names unsorted in the last of several blocks", change: written("!", (image) => image.name(`many/${entryName(39)}`)) },
  { what: "a name that starts after its block", change: set(2, (image) => image.entry("small") + DIRENT.name, 0xffff) },
  { what: "names that start among the entries", change: set(2, (image) => image.entry(".") + DIRENT.name, 5) },
  { what: "more entries than fit", change: set(2, (image) => image.entry(`many/${entryName(0)}`) + DIRENT.name, 4092) },
  { what: "entries past the directory's end", change: set(2, (image) => image.entry(".") + DIRENT.name, 0xfffc) },
  { what: "no entries", change: set(2, (image) => image.entry(".") + DIRENT.name, 0) },
  { what: "a child at nid 2^63", change: set(8, (image) => image.entry("small"), 1n << 63n) },
  { what: "a child at nid 2^32", change: set(8, (image) => image.entry("small"), 1n << 32n) },
  { what: "a child in the metadata's header", change: renamed("small", () => 3) },
  {
    what: "a child among the tables",
    change: renamed("small", (image) => Number(image.bytes.readBigUInt64LE(image.header(16))) / 32),
  },
  { what: "an entry of type 8", change: set(1, (image) => image.entry("fifo") + DIRENT.type, 8) },
  { what: "an entry of type 0", change: set(1, (image) => image.entry("fifo") + DIRENT.type, 0) },
];
