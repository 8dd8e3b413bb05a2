import { all, each, set, U32, written, type Forgery } from "./forgery.js";

/** Bits of a field that no image of ours has. */
function bits(count: number, used: number): number[] {
  return Array.from({ length: count }, (_, bit) => 2 ** bit).filter((value) => (value & used) === 0);
}

function field(width: 1 | 2 | 4 | 8, offset: number, value: number | bigint): Forgery["change"] {
  return set(width, (image) => image.superblock(offset), value);
}

export const FORGED_SUPERBLOCKS: readonly Forgery[] = [
  { what: "another magic number", change: field(4, 0, 0xe0f5e1e3) },
  ...each(bits(32, 3), (bit) => ({ what: `compatible feature ${bit}`, change: field(4, 8, bit + 3) })),
  ...each(bits(32, 12), (bit) => ({ what: `incompatible feature ${bit}`, change: field(4, 80, bit + 12) })),
  ...each([0, 9, 11, 13, 16, 64, 255], (log) => ({ what: `blocks of 2^${log} bytes`, change: field(1, 12, log) })),
  ...each([13, ...range(24, 36), ...range(64, 80), 84, 85, ...range(90, 128)], (offset) => ({
    what: `superblock byte ${offset}`,
    change: field(1, offset, 1),
  })),
  ...each([0, 3, 0xffff], (nid) => ({ what: `a root at nid ${nid}`, change: field(2, 14, nid) })),
  {
    what: "a root that is a file",
    change: set(
      2,
      (image) => image.superblock(14),
      (image) => image.nid("small"),
    ),
  },
  {
    what: "a root that is in another directory",
    change: set(
      2,
      (image) => image.superblock(14),
      (image) => image.nid("a"),
    ),
  },
  ...each([0, 1, U32], (blocks) => ({ what: `${blocks} blocks`, change: field(4, 36, blocks) })),
  ...each([0, 1, U32], (block) => ({ what: `metadata at block ${block}`, change: field(4, 40, block) })),
  {
    what: "metadata at its end",
    change: set(
      4,
      (image) => image.superblock(40),
      (image) => image.bytes.length / 4096,
    ),
  },
  { what: "shared xattrs past the end", change: field(4, 44, U32) },
  ...each([0, 2, 24, 1000, 0xffff], (slots) => ({ what: `${slots} devices, of which 1 is there`, change: field(2, 86, slots) })),
  ...each([0, 8, 10, 0xffff], (slot) => ({ what: `a device table at slot ${slot}`, change: field(2, 88, slot) })),
  { what: "a device of no id", change: written("x", (image) => image.slot(1)) },
  { what: "a device of an id in capitals", change: (image) => void image.bytes.fill("A", image.slot(1), image.slot(1) + 64) },
  { what: "a device that is not there", change: (image) => void image.bytes.fill("0", image.slot(1), image.slot(1) + 64) },
  { what: "a device that is a path", change: written("../../../etc/passwd\0", (image) => image.slot(1)) },
  ...each([0, 1, U32], (blocks) => ({
    what: `a device of ${blocks} blocks, which are others`,
    change: set(4, (image) => image.slot(1) + 64, blocks),
  })),
  { what: "a device with an address of its own", change: set(4, (image) => image.slot(1) + 68, 1) },
  { what: "a header of another version", change: set(4, (image) => image.header(12), 2) },
  { what: "no header", change: all(set(8, (image) => image.header(0), 0)) },
];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
