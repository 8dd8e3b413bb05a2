import { all, AT, copied, each, inode, set, U32, written, type Forgery } from "./forgery.js";
import type { ImageAnatomy } from "../image-anatomy.js";

/** Where the link table has a path. */
function linked(path: string): (image: ImageAnatomy) => number {
  return (image) => image.bytes.indexOf(path, image.linkRow(0), "latin1");
}

/** The row of the group to which a path belongs. */
function rowOf(path: string): (image: ImageAnatomy) => number {
  return (image) => [image.linkRow(0), image.linkRow(1)].find((row) => image.bytes.readUInt32LE(row) === image.nid(path)) ?? 0;
}

export const FORGED_LINKS: readonly Forgery[] = [
  ...each([0, 1], (links) => ({ what: `a directory of ${links} names`, change: inode("a", AT.links, 4, links) })),
  ...each([2, 4, U32], (links) => ({
    what: `a directory of ${links} names that has 3`,
    seenBy: "fsck" as const,
    change: inode("a", AT.links, 4, links),
  })),
  { what: "a file of no name", change: inode("small", AT.links, 4, 0) },
  { what: "a file of two names that says one", seenBy: "fsck", change: inode("hard", AT.links, 4, 1) },
  { what: "a file of one name that says two", change: inode("small", AT.links, 4, 2) },
  { what: "a file of two names that says three", change: inode("hard", AT.links, 4, 3) },
  { what: "a file of 2^32 - 1 names", change: inode("hard", AT.links, 4, U32) },
  {
    what: "a link group of 2^32 - 1 paths",
    change: all(
      inode("hard", AT.links, 4, U32),
      set(4, (image) => rowOf("hard")(image) + 4, U32),
    ),
  },
  { what: "a link group of one path", change: set(4, (image) => rowOf("hard")(image) + 4, 1) },
  { what: "a link group of no path", change: set(4, (image) => rowOf("hard")(image) + 4, 0) },
  { what: "a link path of 2^32 - 1 bytes", change: set(4, (image) => linked("hard A")(image) - 4, U32) },
  { what: "a link path of no bytes", change: set(4, (image) => linked("hard A")(image) - 4, 0) },
  { what: "a link group far past the table", change: set(8, (image) => rowOf("hard")(image) + 8, 1n << 62n) },
  { what: "a link group at 2^64 - 1", change: set(8, (image) => rowOf("hard")(image) + 8, (1n << 64n) - 1n) },
  {
    what: "link groups that share their paths",
    change: copied(
      8,
      (image) => image.linkRow(0) + 8,
      (image) => image.linkRow(1) + 8,
    ),
  },
  { what: "link groups in another order than their inodes", change: set(4, (image) => image.linkRow(0), U32) },
  { what: "a link path that leads out of the tree", change: written("../", linked("a/hard")) },
  { what: "a link path that begins with a slash", change: written("/", linked("hard A")) },
  { what: "a link path with an empty name", change: written("//", linked("a/hard")) },
  { what: "a link path with a NUL", change: written("\0", linked("hard A")) },
  { what: "a link path that is another file's", seenBy: "fsck", change: written("device", linked("hard A")) },
  { what: "a link path twice", change: written("hard B", linked("hard A")) },
  { what: "link paths out of order", change: written("hard C", linked("hard A")) },
  { what: "2^61 link groups", change: set(8, (image) => image.header(40), 1n << 61n) },
  { what: "a link table of 2^64 - 1 bytes", change: set(8, (image) => image.header(48), (1n << 64n) - 1n) },
  { what: "a link table past the end", change: set(8, (image) => image.header(32), 1n << 32n) },
];
