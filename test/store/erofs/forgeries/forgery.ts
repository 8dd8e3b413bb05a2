import type { ImageAnatomy } from "../image-anatomy.js";

/** A change of the newest image of `chainToForge`, which then gets the checksum, uuid and id that its bytes ask for. */
export interface Forgery {
  readonly what: string;
  /**
   * By default whoever reads the tree with its contents, and fsck of the image. `fsck`: it alone, which counts names and compares digests.
   * `chain`: who reads it over the layers below.
   */
  readonly seenBy?: "fsck" | "chain";
  readonly change: Change;
}

export type Change = (image: ImageAnatomy) => void;
type Place = (image: ImageAnatomy) => number;

/** Fields of an inode. */
export const AT = {
  format: 0,
  xattrs: 2,
  mode: 4,
  reserved: 6,
  size: 8,
  address: 16,
  digest: 20,
  uid: 24,
  gid: 28,
  seconds: 32,
  nanoseconds: 40,
  links: 44,
} as const;

/** Fields of a directory entry. */
export const DIRENT = { nid: 0, name: 8, type: 10 } as const;

export const U32 = 0xffffffff;

/** Writes a number, or what the image gives for one. */
export function set(width: 1 | 2 | 4 | 8, place: Place, value: number | bigint | Place): Change {
  return (image) => {
    const number = BigInt.asUintN(64, BigInt(typeof value === "function" ? value(image) : value));
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(number);
    bytes.copy(image.bytes, place(image), 0, width);
  };
}

/** Sets a field of an inode. */
export function inode(path: string, field: number, width: 2 | 4 | 8, value: number | bigint | Place): Change {
  return set(width, (image) => image.inode(path) + field, value);
}

/** Copies bytes of the image over others. */
export function copied(width: number, to: Place, from: Place): Change {
  return (image) => void image.bytes.copy(image.bytes, to(image), from(image), from(image) + width);
}

export function written(text: string, place: Place): Change {
  return (image) => void image.bytes.write(text, place(image), "latin1");
}

/** Makes an entry name another inode. */
export function renamed(path: string, nid: Place): Change {
  return set(4, (image) => image.entry(path), nid);
}

export function all(...changes: readonly Change[]): Change {
  return (image) => changes.forEach((change) => change(image));
}

/** The same change for several values. */
export function each<Value>(values: readonly Value[], forgery: (value: Value) => Forgery): Forgery[] {
  return values.map(forgery);
}
