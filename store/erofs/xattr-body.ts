import { VarveError } from "../../core/errors.js";
import { bufferOf, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { Xattr } from "../../core/model/entry.js";
import { roundUp } from "./image-format.js";

/** Of the inline area's head: name filter, number of shared xattrs, reserved. */
const HEAD_BYTES = 12;
const ENTRY_HEAD_BYTES = 4;
/** `xattr_icount` has 16 bits: the head counts 1, each 4 bytes after it 1. */
const LARGEST_BODY = HEAD_BYTES + (0xffff - 1) * 4;
const MOST_SHARED = 255;
const LONGEST_NAME = 255;
const LARGEST_VALUE = 0xffff;

/** Prefixes by EROFS's number for them. Whole names end without a dot. */
const NAMESPACES: readonly (readonly [prefix: string, index: number])[] = [
  ["user.", 1],
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["trusted.", 4],
  ["security.", 6],
];
const PREFIXES: Readonly<Record<number, string>> = Object.fromEntries(NAMESPACES.map(([prefix, index]) => [index, prefix]));

/** What overlayfs keeps for itself, and how it stores a user's xattr of such a name (Linux 6.7: "nesting"). */
const OVERLAY = "trusted.overlay.";
const ESCAPED_OVERLAY = "trusted.overlay.overlay.";
const OPAQUE = "trusted.overlay.opaque";

/** An inode's xattr area. */
export interface XattrBody {
  /** What follows the inode; a multiple of 4 bytes. */
  readonly inline: Buffer;
  /** Entries too large for it, in the order in which their ids were given; each a multiple of 4 bytes. */
  readonly shared: readonly Buffer[];
}

/**
 * Encodes the xattrs of one inode.
 *
 * @param xattrs At least one.
 * @param sharedBytes Length of the shared area so far: a new entry's id is its position there, in units of 4 bytes.
 * @throws VarveError UNSUPPORTED when EROFS can't hold them.
 */
export function encodeXattrs(xattrs: readonly Xattr[], sharedBytes: number): XattrBody {
  const entries = xattrs.map(encodeXattr);
  const shared: Buffer[] = [];
  let room = LARGEST_BODY - HEAD_BYTES;
  for (const entry of entries) room -= entry.length;
  // The largest go to the shared area, where each costs 4 bytes here.
  for (const entry of room < 0 ? entries.toSorted((a, b) => b.length - a.length) : []) {
    if (room >= 0) break;
    shared.push(entry);
    room += entry.length - 4;
  }
  if (shared.length > MOST_SHARED) throw unsupported(xattrs[0] as Xattr, "the file has more xattrs than an EROFS image holds");
  const head = Buffer.alloc(HEAD_BYTES + shared.length * 4);
  head.writeUInt8(shared.length, 4);
  let position = sharedBytes;
  shared.forEach((entry, index) => {
    head.writeUInt32LE(position / 4, HEAD_BYTES + index * 4);
    position += entry.length;
  });
  return { inline: Buffer.concat([head, ...entries.filter((entry) => !shared.includes(entry))]), shared };
}

/** `xattr_icount` of an area of so many bytes. */
export function xattrCount(bytes: number): number {
  return bytes === 0 ? 0 : (bytes - HEAD_BYTES) / 4 + 1;
}

/** The opposite of `xattrCount`. */
export function xattrBytes(count: number): number {
  return count === 0 ? 0 : HEAD_BYTES + (count - 1) * 4;
}

function encodeXattr(xattr: Xattr): Buffer {
  const { value } = xattr;
  const name = xattr.name.startsWith(OVERLAY) ? ESCAPED_OVERLAY + xattr.name.slice(OVERLAY.length) : xattr.name;
  const namespace = NAMESPACES.find(([prefix]) => (prefix.endsWith(".") ? name.startsWith(prefix) : name === prefix));
  if (namespace === undefined) throw unsupported(xattr, "EROFS has no such xattr namespace");
  const [prefix, index] = namespace;
  const rest = bufferOf(name.slice(prefix.length) as ByteString);
  if (rest.length === 0 && prefix.endsWith(".")) throw unsupported(xattr, "its name ends with its namespace");
  if (name.length > LONGEST_NAME) throw unsupported(xattr, "its name is longer than 255 bytes");
  if (value.length > LARGEST_VALUE) throw unsupported(xattr, "its value is longer than 65,535 bytes");
  const entry = Buffer.alloc(roundUp(ENTRY_HEAD_BYTES + rest.length + value.length, 4));
  entry.writeUInt8(rest.length, 0);
  entry.writeUInt8(index, 1);
  entry.writeUInt16LE(value.length, 2);
  entry.set(rest, ENTRY_HEAD_BYTES);
  entry.set(value, ENTRY_HEAD_BYTES + rest.length);
  return entry;
}

function unsupported(xattr: Xattr, state: string): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot store the xattr "${textOf(xattr.name)}" in a layer: ${state}`, {
    hint: "Remove the xattr from the source, or leave the file out with .varveignore.",
  });
}

/** What an inode's xattr area says. */
export interface DecodedXattrs {
  /** Without overlayfs's own, in byte order of name. */
  readonly xattrs: readonly Xattr[];
  /** Whether the directory hides what the layers below have in it. */
  readonly opaque: boolean;
}

/**
 * Decodes an inode's xattr area.
 *
 * @param shared Gives bytes of the shared area from a position on; fewer at its end.
 * @returns `undefined` when it contradicts itself.
 */
export function decodeXattrs(body: Buffer, shared: (position: number, length: number) => Buffer): DecodedXattrs | undefined {
  if (body.length < HEAD_BYTES) return undefined;
  const sharedCount = body.readUInt8(4);
  let position = HEAD_BYTES + sharedCount * 4;
  if (position > body.length) return undefined;
  const raw: Xattr[] = [];
  for (let index = 0; index < sharedCount; index += 1) {
    const at = body.readUInt32LE(HEAD_BYTES + index * 4) * 4;
    const head = shared(at, ENTRY_HEAD_BYTES);
    const length = head.length < ENTRY_HEAD_BYTES ? 0 : entryBytes(head, 0);
    const xattr = decodeXattr(shared(at, length), 0);
    if (xattr === undefined) return undefined;
    raw.push(xattr);
  }
  while (position < body.length) {
    const xattr = decodeXattr(body, position);
    if (xattr === undefined) return undefined;
    raw.push(xattr);
    position += roundUp(entryBytes(body, position), 4);
  }
  return { xattrs: raw.filter(isOfUser).map(unescaped).sort(byName), opaque: raw.some(isOpaque) };
}

function entryBytes(bytes: Buffer, at: number): number {
  return ENTRY_HEAD_BYTES + bytes.readUInt8(at) + bytes.readUInt16LE(at + 2);
}

function decodeXattr(bytes: Buffer, at: number): Xattr | undefined {
  if (at + ENTRY_HEAD_BYTES > bytes.length || at + entryBytes(bytes, at) > bytes.length) return undefined;
  const prefix = PREFIXES[bytes.readUInt8(at + 1)];
  if (prefix === undefined) return undefined;
  const value = at + ENTRY_HEAD_BYTES + bytes.readUInt8(at);
  const name = prefix + bytes.toString("latin1", at + ENTRY_HEAD_BYTES, value);
  return { name: name as ByteString, value: Buffer.from(bytes.subarray(value, value + bytes.readUInt16LE(at + 2))) };
}

function isOfUser({ name }: Xattr): boolean {
  return !name.startsWith(OVERLAY) || name.startsWith(ESCAPED_OVERLAY);
}

function unescaped(xattr: Xattr): Xattr {
  if (!xattr.name.startsWith(ESCAPED_OVERLAY)) return xattr;
  return { name: (OVERLAY + xattr.name.slice(ESCAPED_OVERLAY.length)) as ByteString, value: xattr.value };
}

function isOpaque({ name, value }: Xattr): boolean {
  return name === OPAQUE && value.length === 1 && value[0] === 0x79;
}

function byName(a: Xattr, b: Xattr): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
