import { VarveError } from "../../core/errors.js";
import { bufferOf, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { Xattr } from "../../core/model/entry.js";
import { isAclName, isPosixAcl } from "../posix-acl.js";
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
/** Position of METACOPY_ENTRY in the metadata region. */
export const METACOPY_AT = 64;
/** Added to an id of the shared area as long as nobody knows where that will stand. */
const FIRST_SHARED = 2 ** 31;
const OPAQUE = "trusted.overlay.opaque";
const METACOPY = "trusted.overlay.metacopy";
const REDIRECT = "trusted.overlay.redirect";

/** What a layer says to overlayfs through an inode's xattrs. */
export interface InodeMarks {
  /** The directory hides what the layers below have in it. */
  readonly opaque?: boolean;
  /** The file's content stands in a layer below. */
  readonly metacopy?: boolean;
  /** The path at which the layers below have it, if not at the file's own: without a leading slash. */
  readonly redirect?: ByteString | undefined;
}

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
 * @param marks Stand in the area unescaped; `metacopy`, which thousands of files may have, is the entry in the metadata's header.
 * @param sharedBytes Length of the shared area so far: a new entry's id tells its position there until `placeShared`.
 * @throws VarveError UNSUPPORTED when EROFS can't hold them.
 */
export function encodeXattrs(xattrs: readonly Xattr[], sharedBytes: number, marks: InodeMarks = {}): XattrBody {
  const entries = [...xattrs.map((xattr) => encodeXattr(xattr)), ...encodeMarks(marks)];
  const shared: Buffer[] = [];
  const ofHeader = marks.metacopy === true ? [METACOPY_AT / 4] : [];
  let room = LARGEST_BODY - HEAD_BYTES - 4;
  for (const entry of entries) room -= entry.length;
  // The largest go to the shared area, where each costs 4 bytes here.
  for (const entry of room < 0 ? entries.toSorted((a, b) => b.length - a.length) : []) {
    if (room >= 0) break;
    shared.push(entry);
    room += entry.length - 4;
  }
  if (ofHeader.length + shared.length > MOST_SHARED)
    throw unsupported(xattrs[0] as Xattr, "the file has more xattrs than an EROFS image holds");
  const head = Buffer.alloc(HEAD_BYTES + (ofHeader.length + shared.length) * 4);
  head.writeUInt8(ofHeader.length + shared.length, 4);
  ofHeader.forEach((id, index) => head.writeUInt32LE(id, HEAD_BYTES + index * 4));
  let position = sharedBytes;
  shared.forEach((entry, index) => {
    head.writeUInt32LE(FIRST_SHARED + position / 4, HEAD_BYTES + (ofHeader.length + index) * 4);
    position += entry.length;
  });
  return { inline: Buffer.concat([head, ...entries.filter((entry) => !shared.includes(entry))]), shared };
}

/** Settles the ids of an encoded area's shared entries. @param start Of the shared area, in bytes from the start of the metadata region. */
export function placeShared(body: Buffer, at: number, start: number): void {
  const count = body.readUInt8(at + 4);
  for (let index = 0; index < count; index += 1) {
    const id = at + HEAD_BYTES + index * 4;
    const value = body.readUInt32LE(id);
    if (value >= FIRST_SHARED) body.writeUInt32LE(value - FIRST_SHARED + start / 4, id);
  }
}

/** `xattr_icount` of an area of so many bytes. */
export function xattrCount(bytes: number): number {
  return bytes === 0 ? 0 : (bytes - HEAD_BYTES) / 4 + 1;
}

/** The opposite of `xattrCount`. */
export function xattrBytes(count: number): number {
  return count === 0 ? 0 : HEAD_BYTES + (count - 1) * 4;
}

function encodeMarks({ opaque, redirect }: InodeMarks): Buffer[] {
  const marks: Buffer[] = [];
  if (opaque === true) marks.push(encodeXattr({ name: OPAQUE as ByteString, value: bufferOf("y" as ByteString) }, OPAQUE));
  if (redirect !== undefined) {
    marks.push(encodeXattr({ name: REDIRECT as ByteString, value: bufferOf(`/${redirect}` as ByteString) }, REDIRECT));
  }
  return marks;
}

function escaped(name: ByteString): string {
  return name.startsWith(OVERLAY) ? ESCAPED_OVERLAY + name.slice(OVERLAY.length) : name;
}

function encodeXattr(xattr: Xattr, name: string = escaped(xattr.name)): Buffer {
  const { value } = xattr;
  const namespace = NAMESPACES.find(([prefix]) => (prefix.endsWith(".") ? name.startsWith(prefix) : name === prefix));
  if (namespace === undefined) throw unsupported(xattr, "EROFS has no such xattr namespace");
  const [prefix, index] = namespace;
  const rest = bufferOf(name.slice(prefix.length) as ByteString);
  if (rest.length === 0 && prefix.endsWith(".")) throw unsupported(xattr, "its name ends with its namespace");
  if (name.length > LONGEST_NAME) throw unsupported(xattr, "its name is longer than 255 bytes");
  if (value.length > LARGEST_VALUE) throw unsupported(xattr, "its value is longer than 65,535 bytes");
  if (isAclName(name) && !isPosixAcl(value)) throw unsupported(xattr, "it is no access control list of Linux's form");
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

/** The entry that an image's files share whose content stands below: it has room in the header of the metadata region. */
export const METACOPY_ENTRY: Buffer = encodeXattr({ name: METACOPY as ByteString, value: Buffer.alloc(0) }, METACOPY);

/** What an inode's xattr area says. */
export interface DecodedXattrs {
  /** Without overlayfs's own, in byte order of name. */
  readonly xattrs: readonly Xattr[];
  /** Whether the directory hides what the layers below have in it. */
  readonly opaque: boolean;
  /** Whether the file's content stands in a layer below. */
  readonly metacopy: boolean;
  /** As it stands there: an absolute path. */
  readonly redirect: ByteString | undefined;
}

/**
 * Decodes an inode's xattr area.
 *
 * @param shared Gives bytes from where ids of shared entries count; fewer at the end.
 * @returns `undefined` when it contradicts itself.
 */
export function decodeXattrs(body: Buffer, shared: (position: number, length: number) => Buffer): DecodedXattrs | undefined {
  if (body.length < HEAD_BYTES) return undefined;
  const sharedCount = body.readUInt8(4);
  // A name filter and reserved bytes: a newer kernel may pass over entries because of them.
  if (body.readUInt32LE(0) !== 0 || body.readUInt32LE(4) >>> 8 !== 0 || body.readUInt32LE(8) !== 0) return undefined;
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
  raw.sort(byName);
  if (raw.some((xattr, index) => xattr.name === raw[index - 1]?.name || (!isOfUser(xattr) && !isMark(xattr)))) return undefined;
  const redirect = raw.find(({ name }) => name === REDIRECT)?.value;
  const xattrs = raw.filter(isOfUser).map(unescaped).sort(byName);
  return {
    xattrs,
    opaque: raw.some(({ name }) => name === OPAQUE),
    metacopy: raw.some(({ name }) => name === METACOPY),
    redirect: redirect === undefined ? undefined : (Buffer.from(redirect).toString("latin1") as ByteString),
  };
}

function entryBytes(bytes: Buffer, at: number): number {
  return ENTRY_HEAD_BYTES + bytes.readUInt8(at) + bytes.readUInt16LE(at + 2);
}

function decodeXattr(bytes: Buffer, at: number): Xattr | undefined {
  if (at + ENTRY_HEAD_BYTES > bytes.length || at + entryBytes(bytes, at) > bytes.length) return undefined;
  const prefix = PREFIXES[bytes.readUInt8(at + 1)];
  if (prefix === undefined) return undefined;
  const value = at + ENTRY_HEAD_BYTES + bytes.readUInt8(at);
  const rest = bytes.toString("latin1", at + ENTRY_HEAD_BYTES, value);
  const name = prefix + rest;
  // As the kernel takes them: a namespace's names have more than it, the ACLs' no more.
  const isName = (rest !== "") === prefix.endsWith(".") && !rest.includes("\0") && name.length <= LONGEST_NAME;
  if (!isName) return undefined;
  const xattr = { name: name as ByteString, value: Buffer.from(bytes.subarray(value, value + bytes.readUInt16LE(at + 2))) };
  return isAclName(name) && !isPosixAcl(xattr.value) ? undefined : xattr;
}

function isOfUser({ name }: Xattr): boolean {
  return !name.startsWith(OVERLAY) || name.startsWith(ESCAPED_OVERLAY);
}

function unescaped(xattr: Xattr): Xattr {
  if (!xattr.name.startsWith(ESCAPED_OVERLAY)) return xattr;
  return { name: (OVERLAY + xattr.name.slice(ESCAPED_OVERLAY.length)) as ByteString, value: xattr.value };
}

/** The marks that docs/on-disk-format.md lists. Others, or other values of them, steer overlayfs and mean nothing to our reader. */
function isMark({ name, value }: Xattr): boolean {
  if (name === OPAQUE) return value.length === 1 && value[0] === 0x79;
  return name === REDIRECT || (name === METACOPY && value.length === 0);
}

/** An absolute path, as varve writes it. */
export function isRedirect(path: ByteString): boolean {
  return /^(\/[^/]+)+$/.test(path) && !/\0|\/\.{1,2}(\/|$)/.test(path);
}

function byName(a: Xattr, b: Xattr): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
