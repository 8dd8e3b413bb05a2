import { createHash } from "node:crypto";
import { crc32c } from "../../store/crc.js";

/** A number in an image, for a mutation to aim at. */
export interface Field {
  readonly at: number;
  readonly width: number;
}

const SUPERBLOCK = 1024;
const SUPERBLOCK_FIELDS = "8:4 12:1 13:1 14:2 16:8 36:4 40:4 44:4 80:4 84:2 86:2 88:2 90:1 92:2 104:8";
const HEADER_FIELDS = "12:4 16:8 24:8 32:8 40:8 48:8";
const INODE_FIELDS = "0:2 2:2 4:2 6:2 8:8 16:4 20:4 24:4 28:4 32:8 40:4 44:4";

/**
 * All numbers of a sound layer image, found by docs/on-disk-format.md, section 3. Written apart from the reader that is fuzzed.
 */
export function imageFields(image: Buffer): Field[] {
  const fields: Field[] = [...listed(SUPERBLOCK_FIELDS, SUPERBLOCK)];
  const slots = image.readUInt16LE(SUPERBLOCK + 86);
  for (let slot = 0; slot < slots; slot += 1) {
    const at = (image.readUInt16LE(SUPERBLOCK + 88) + slot) * 128;
    fields.push({ at, width: 1 }, { at: at + 64, width: 4 }, { at: at + 68, width: 4 });
  }
  const meta = image.readUInt32LE(SUPERBLOCK + 40) * 4096;
  fields.push(...listed(HEADER_FIELDS, meta));
  const rows = Number(image.readBigUInt64LE(meta + 40));
  const links = meta + Number(image.readBigUInt64LE(meta + 32));
  for (let row = 0; row < rows; row += 1) {
    const at = links + row * 16;
    fields.push(...listed("0:4 4:4 8:8", at), { at: links + Number(image.readBigUInt64LE(at + 8)), width: 4 });
  }
  const pending = [image.readUInt16LE(SUPERBLOCK + 14)];
  const seen = new Set(pending);
  for (let nid = pending.pop(); nid !== undefined; nid = pending.pop()) {
    for (const child of inodeFields(image, meta, nid, fields)) if (seen.size < seen.add(child).size) pending.push(child);
  }
  return fields;
}

function listed(text: string, base: number): Field[] {
  return text.split(" ").map((each) => {
    const [offset, width] = each.split(":").map(Number) as [number, number];
    return { at: base + offset, width };
  });
}

/** @returns nids of a directory's children. */
function inodeFields(image: Buffer, meta: number, nid: number, fields: Field[]): number[] {
  const at = meta + nid * 32;
  fields.push(...listed(INODE_FIELDS, at));
  const count = image.readUInt16LE(at + 2);
  const xattrs = count === 0 ? 0 : 12 + (count - 1) * 4;
  if (xattrs > 0) {
    fields.push({ at: at + 64 + 4, width: 1 });
    let entry = at + 64 + 12 + image.readUInt8(at + 68) * 4;
    for (let shared = at + 76; shared < entry; shared += 4) fields.push({ at: shared, width: 4 });
    while (entry < at + 64 + xattrs) {
      fields.push(...listed("0:1 1:1 2:2", entry));
      entry += Math.ceil((4 + image.readUInt8(entry) + image.readUInt16LE(entry + 2)) / 4) * 4;
    }
  }
  const layout = image.readUInt16LE(at) >> 1;
  const size = Number(image.readBigUInt64LE(at + 8));
  const after = at + 64 + xattrs;
  if (layout === 4) {
    const chunks = Math.ceil(Math.ceil(size / 4096) / 2 ** (image.readUInt32LE(at + 16) & 0x1f));
    const index = meta + Math.ceil((after - meta) / 8) * 8;
    for (let chunk = 0; chunk < chunks; chunk += 1) fields.push(...listed("0:2 2:2 4:4", index + chunk * 8));
  }
  if ((image.readUInt16LE(at + 4) & 0o170000) !== 0o040000) return [];
  const children: number[] = [];
  for (let start = 0; start < size; start += 4096) {
    const length = Math.min(4096, size - start);
    const block = layout === 2 && length < 4096 ? after : image.readUInt32LE(at + 16) * 4096 + start;
    const entries = image.readUInt16LE(block + 8) / 12;
    for (let index = 0; index < entries; index += 1) {
      fields.push(...listed("0:8 8:2 10:1", block + index * 12), {
        at: block + image.readUInt16LE(block + index * 12 + 8),
        width: 1,
      });
      children.push(Number(image.readBigUInt64LE(block + index * 12)));
    }
  }
  return children;
}

/** Puts the superblock's checksum right, where there is a superblock. */
export function fixChecksum(image: Buffer): void {
  if (image.length < 4096) return;
  image.writeUInt32LE(0, SUPERBLOCK + 4);
  image.writeUInt32LE(crc32c(image.subarray(SUPERBLOCK, 4096)), SUPERBLOCK + 4);
}

/**
 * Gives a changed image the LayerId, uuid and checksum that its bytes ask for: a forger would. docs/on-disk-format.md, section 4.
 *
 * @returns The LayerId; `undefined` when it is too short for one.
 */
export function reseal(image: Buffer): string | undefined {
  if (image.length < 4096) return undefined;
  const slots = image.readUInt16LE(SUPERBLOCK + 86);
  const meta = image.readUInt32LE(SUPERBLOCK + 40) * 4096;
  const header = Buffer.from(image.subarray(0, Math.ceil((9 + slots) / 32) * 4096));
  header.fill(0, SUPERBLOCK + 4, SUPERBLOCK + 8);
  header.fill(0, SUPERBLOCK + 48, SUPERBLOCK + 64);
  const id = createHash("sha256")
    .update(header)
    .update(image.subarray(Math.min(meta, image.length)))
    .digest("hex");
  image.write(id, SUPERBLOCK + 48, 16, "hex");
  fixChecksum(image);
  return id;
}
