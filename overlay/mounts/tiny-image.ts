const BLOCK_BYTES = 4096;
const SUPERBLOCK_AT = 1024;
const MAGIC = 0xe0f5e1e2;
/** The root's inode stands behind the superblock, at nid · 32. */
const ROOT_NID = 40;
const EXTENDED_INLINE = 1 | (2 << 1);
const DIRECTORY_TYPE = 2;
const DIRECTORY_ENTRY_BYTES = 12;
const INODE_BYTES = 64;

/**
 * The smallest EROFS image: one block with an empty root directory, for finding out whether the kernel mounts such a file.
 * Field positions: linux fs/erofs/erofs_fs.h.
 */
export function tinyImage(): Buffer {
  const image = Buffer.alloc(BLOCK_BYTES);
  image.writeUInt32LE(MAGIC, SUPERBLOCK_AT);
  image[SUPERBLOCK_AT + 12] = Math.log2(BLOCK_BYTES);
  image.writeUInt16LE(ROOT_NID, SUPERBLOCK_AT + 14);
  image.writeBigUInt64LE(1n, SUPERBLOCK_AT + 16);
  image.writeUInt32LE(1, SUPERBLOCK_AT + 36);
  const inode = ROOT_NID * 32;
  const names = [".", ".."];
  const entries = names.length * DIRECTORY_ENTRY_BYTES;
  image.writeUInt16LE(EXTENDED_INLINE, inode);
  image.writeUInt16LE(0o040755, inode + 4);
  image.writeBigUInt64LE(BigInt(entries + names.join("").length), inode + 8);
  image.writeUInt32LE(1, inode + 20);
  image.writeUInt32LE(2, inode + 44);
  let [entry, name] = [inode + INODE_BYTES, entries];
  for (const text of names) {
    image.writeBigUInt64LE(BigInt(ROOT_NID), entry);
    image.writeUInt16LE(name, entry + 8);
    image[entry + 10] = DIRECTORY_TYPE;
    image.write(text, inode + INODE_BYTES + name, "latin1");
    entry += DIRECTORY_ENTRY_BYTES;
    name += text.length;
  }
  return image;
}
