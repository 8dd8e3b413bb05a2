import { all, AT, each, inode, set, U32, written, type Forgery } from "./forgery.js";
import type { ImageAnatomy } from "../image-anatomy.js";

/** Makes an xattr overlayfs's own. @param rest Its name from then on, as long as before. */
function mark(path: string, former: string, rest: string = former): Forgery["change"] {
  return written(`overlay.${rest}`, (image) => image.xattr(path, `Overlay.${former}`) + 4);
}

function value(path: string, name: string): (image: ImageAnatomy) => number {
  return (image) => image.xattr(path, name) + 4 + name.length;
}

/** Of the access ACL: 4 bytes, then {tag u16, permissions u16, id u32} for owner, user 1000, group, mask, others. */
function acl(at: number): (image: ImageAnatomy) => number {
  return (image) => image.xattrs("acl") + 12 + 4 + at;
}

export const FORGED_INODES: readonly Forgery[] = [
  ...each([0, 2, 3, 7, 11, 13, 15, ...Array.from({ length: 12 }, (_, bit) => 1 | (1 << (bit + 4)))], (format) => ({
    what: `inode format ${format}`,
    change: inode("small", AT.format, 2, format),
  })),
  { what: "a reserved field", change: inode("small", AT.reserved, 2, 1) },
  ...each([0, 3, 5, 7, 9, 11, 13, 14, 15], (type) => ({
    what: `an inode of type ${type}`,
    change: inode("fifo", AT.mode, 2, (type << 12) | 0o644),
  })),
  { what: "a FIFO with bytes", change: inode("fifo", AT.size, 8, 1) },
  { what: "a FIFO with an inline tail", change: all(inode("fifo", AT.size, 8, 1), inode("fifo", AT.format, 2, 5)) },
  { what: "a device in chunks", change: inode("device", AT.format, 2, 9) },
  {
    what: "a device that says nothing is there",
    seenBy: "fsck",
    change: all(inode("device", AT.address, 4, 0), inode("device", AT.links, 4, 2)),
  },
  ...each([0n, 4096n, 1n << 32n], (size) => ({ what: `a symlink of ${size} bytes`, change: inode("link", AT.size, 8, size) })),
  {
    what: "a symlink among the contents",
    change: all(
      inode("link", AT.format, 2, 1),
      inode("link", AT.address, 4, (image) => image.block("plain")),
    ),
  },
  { what: "a symlink in chunks", change: all(inode("link", AT.format, 2, 9), inode("link", AT.address, 4, 0x20)) },
  { what: "a symlink with a NUL in its target", change: written("\0", (image) => image.after("link") + 1) },
  { what: "an owner of 2^32 - 1", change: inode("small", AT.uid, 4, U32) },
  { what: "a group of 2^32 - 1", change: inode("small", AT.gid, 4, U32) },
  { what: "a time of 2^63 seconds", change: inode("small", AT.seconds, 8, 1n << 63n) },
  { what: "2^32 - 1 nanoseconds", change: inode("small", AT.nanoseconds, 4, U32) },
];

export const FORGED_XATTRS: readonly Forgery[] = [
  { what: "an xattr area past the end", change: inode("small", AT.xattrs, 2, 0xffff) },
  { what: "255 shared xattrs", change: set(1, (image) => image.xattrs("small") + 4, 255) },
  { what: "a shared xattr at 2^32 - 1", change: set(4, (image) => image.xattrs("short") + 12, U32) },
  { what: "a shared xattr in the superblock", change: set(4, (image) => image.superblock(44), 0) },
  { what: "a filter of xattr names", change: set(4, (image) => image.xattrs("small"), U32) },
  { what: "reserved bytes of an xattr area", change: set(1, (image) => image.xattrs("small") + 11, 1) },
  { what: "an xattr value of 65,535 bytes", change: set(2, (image) => image.xattr("small", "more") + 2, 0xffff) },
  { what: "an xattr name of 255 bytes", change: set(1, (image) => image.xattr("small", "more"), 255) },
  { what: "an xattr twice", change: written("more", (image) => image.xattr("small", "mora") + 4) },
  ...each([0, 5, 7, 0x80, 0xff], (namespace) => ({
    what: `an xattr in namespace ${namespace}`,
    change: set(1, (image) => image.xattr("small", "more") + 1, namespace),
  })),
  { what: "an opaque file", change: mark("small", "opaque") },
  { what: "an opaque mark of another value", change: all(mark("a", "opaque"), written("x", value("a", "overlay.opaque"))) },
  { what: "a mark of overlayfs that varve has not", change: mark("a", "opaque", "origin") },
  { what: "a directory whose content stands below", change: mark("a/in", "metacopy") },
  { what: "a symlink whose content stands below", change: mark("link", "metacopy") },
  { what: "a metacopy mark of another value", change: set(2, (image) => image.header(64 + 2), 4) },
  { what: "a directory that was moved", change: mark("a/in/deep", "redirect") },
  { what: "a file that was moved and has content", change: mark("redirected", "redirect") },
  { what: "a content below that is another's", seenBy: "chain", change: mark("short", "redirect") },
  ...each(["old namex", "//ld name", "/../name", "/old/./xx", "/old nam\0", "/old nam/"], (path) => ({
    what: `a content below at ${JSON.stringify(path)}`,
    change: all(mark("short", "redirect"), written(path, value("short", "overlay.redirect"))),
  })),
];

export const FORGED_ACLS: readonly Forgery[] = [
  { what: "an ACL of version 1", change: set(4, acl(0), 1) },
  { what: "an ACL entry of no kind", change: set(2, acl(4), 0x40) },
  { what: "an ACL with rights that are none", change: set(2, acl(6), 8) },
  { what: "an ACL of owner 0", change: set(4, acl(8), 0) },
  { what: "an ACL of user 2^32 - 1", change: set(4, acl(16), U32) },
  { what: "an ACL without a mask", change: set(2, acl(4 + 3 * 8), 0x08) },
  { what: "an ACL out of order", change: set(2, acl(4), 0x04) },
  { what: "an ACL without others", change: set(2, acl(4 + 4 * 8), 0x10) },
  { what: "an ACL of no bytes", change: set(2, (image) => image.xattrs("acl") + 14, 0) },
];
