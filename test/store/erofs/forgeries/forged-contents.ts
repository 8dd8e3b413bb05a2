import type { ImageAnatomy } from "../image-anatomy.js";
import { all, AT, copied, each, inode, set, U32, type Change, type Forgery } from "./forgery.js";

const SIZES = [1n << 40n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];

/** Device and first block of a file's first chunk. */
function chunk(path: string, device: number, block: number | ((image: ImageAnatomy) => number)): Change {
  return all(
    set(2, (image) => image.after(path) + 2, device),
    set(4, (image) => image.after(path) + 4, block),
  );
}

function metadataBlock(image: ImageAnatomy): number {
  return image.metadata / 4096;
}

export const FORGED_CONTENTS: readonly Forgery[] = [
  { what: "contents at block 0", change: inode("plain", AT.address, 4, 0) },
  { what: "contents among the metadata", change: inode("plain", AT.address, 4, metadataBlock) },
  {
    what: "contents from the data into the metadata",
    change: inode("plain", AT.address, 4, (image) => metadataBlock(image) - 1),
  },
  { what: "contents at block 2^32 - 1", change: inode("plain", AT.address, 4, U32) },
  { what: "contents of another file", seenBy: "fsck", change: inode("plain", AT.address, 4, (image) => image.block("plain A")) },
  {
    what: "contents that overlap another file's",
    seenBy: "fsck",
    change: inode("plain A", AT.address, 4, (image) => image.block("plain A") - 1),
  },
  { what: "contents cut short, with the digest of the whole", seenBy: "fsck", change: inode("plain", AT.size, 8, 8000) },
  {
    what: "contents with the digest of others",
    seenBy: "fsck",
    change: copied(
      4,
      (image) => image.inode("plain") + AT.digest,
      (image) => image.inode("plain A") + AT.digest,
    ),
  },
  { what: "a file of a block and more inline", change: inode("plain", AT.format, 2, 5) },
  { what: "an inline file across the end of a block", change: inode("small", AT.size, 8, 4095) },
  ...["plain", "sparse", "small", "lent", "short"].flatMap((path) =>
    each(SIZES, (size) => ({ what: `"${path}" of ${size} bytes`, change: inode(path, AT.size, 8, size) })),
  ),
  { what: "a digest far past the table", change: inode("small", AT.digest, 4, U32) },
  {
    what: "a digest just past the table",
    change: inode("small", AT.digest, 4, (image) => Number(image.bytes.readBigUInt64LE(image.header(24)))),
  },
  { what: "a file without a digest", change: inode("small", AT.digest, 4, 0) },
  { what: "a directory's digest past the table", change: inode("a", AT.digest, 4, U32) },
  { what: "2^59 digests", change: set(8, (image) => image.header(24), 1n << 59n) },
  { what: "no digests", change: set(8, (image) => image.header(24), 0) },
  { what: "digests past the end", change: set(8, (image) => image.header(16), (1n << 64n) - 32n) },
];

export const FORGED_CHUNKS: readonly Forgery[] = [
  ...each([0, 0x1f, ...Array.from({ length: 11 }, (_, bit) => 0x20 | (1 << (bit + 6))), 0x8000_0020], (format) => ({
    what: `chunk format ${format}`,
    change: inode("sparse", AT.address, 4, format),
  })),
  ...each([2, 3, 0x7fff, 0xffff], (device) => ({ what: `a chunk in device ${device} of 1`, change: chunk("lent", device, 1) })),
  { what: "a chunk past its lender's end", change: chunk("lent", 1, 0xfffffff) },
  { what: "a chunk among its lender's metadata", change: chunk("lent", 1, 4) },
  { what: "a chunk from its lender's data into the metadata", change: chunk("lent", 1, 2) },
  { what: "a chunk at its lender's block 0", change: chunk("lent", 1, 0) },
  { what: "a chunk among the metadata", change: chunk("lent", 0, metadataBlock) },
  { what: "a chunk at block 0", change: chunk("lent", 0, 0) },
  { what: "a chunk at block 2^32 - 2", change: chunk("lent", 1, U32 - 1) },
  { what: "a hole in place of a chunk", seenBy: "fsck", change: chunk("lent", 1, U32) },
  { what: "a chunk that is another's", seenBy: "fsck", change: chunk("lent", 0, (image) => image.block("plain")) },
];
