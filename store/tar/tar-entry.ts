import type { ByteString } from "../../core/model/byte-string.js";
import { byteStringOf } from "../../core/model/byte-string.js";
import type { Metadata } from "../../core/model/entry.js";
import type { HeaderBlock } from "./header-block.js";
import { BLOCK, MAX_MAJOR, MAX_MINOR, MAX_OWNER } from "./limits.js";
import { parseDecimal, parsePaxTime, type PaxRecord, type PaxTime } from "./pax-records.js";
import { readPaxSparse, type PaxSparse } from "./sparse-map.js";
import type { Fail, Warn } from "./tar-fault.js";
import { readXattrs } from "./xattr-records.js";

/** What an archive says of one path, with nothing judged but its form. Paths are as they stand there. */
export interface TarEntry extends Metadata {
  readonly type: TarType;
  readonly path: ByteString;
  /** A symlink's target, a hardlink's path in the archive; else empty. */
  readonly linkPath: ByteString;
  /** Bytes of a file, holes included; 0 for all else. */
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

export type TarType = "file" | "directory" | "symlink" | "hardlink" | "fifo" | "character" | "block";

/** An entry, and what follows its header in the archive. */
export interface ResolvedEntry {
  readonly entry: TarEntry;
  /** Bytes until the next header, without padding. The one number that moves the reader on. */
  readonly bodySize: number;
  readonly sparse: PaxSparse | undefined;
}

/** What stands before a header and belongs to it. */
export interface Prelude {
  /** Records of the `x` header before it. */
  readonly records: readonly PaxRecord[];
  /** Those records of all `g` headers so far that may count for every entry. */
  readonly defaults: readonly PaxRecord[];
  readonly longName: ByteString | undefined;
  readonly longLink: ByteString | undefined;
}

const TYPES: Readonly<Record<string, TarType>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

/** Keywords of `g` headers that are heeded: no path, no size and no xattr is every entry's. */
export const GLOBAL_KEYWORDS: ReadonlySet<string> = new Set(["uid", "gid", "mtime", "hdrcharset"]);
const CHARSETS = new Set(["BINARY", "ISO-IR 10646 2000 UTF-8", ""]);
const TEXTS = new Set(["path", "linkpath", "uname", "gname", "GNU.sparse.name"]);

export function entryName(header: HeaderBlock, prelude: Prelude): ByteString {
  let name = prelude.longName ?? header.name;
  for (const { key, value } of prelude.records) {
    if ((key === "path" || key === "GNU.sparse.name") && value.length > 0) name = byteStringOf(value);
  }
  return name;
}

/** Puts a header and what stood before it together. The last record of a keyword counts, an empty value takes it back. */
export function resolveEntry(header: HeaderBlock, prelude: Prelude, fail: Fail, warn: Warn): ResolvedEntry {
  const values = new Map<string, Buffer>();
  for (const { key, value } of [...prelude.defaults, ...prelude.records]) {
    if (TEXTS.has(key) && value.includes(0)) fail(`its ${key} has a NUL`);
    if (value.length === 0) values.delete(key);
    else values.set(key, value);
  }
  checkCharset(values, warn);
  const path = text(values, "GNU.sparse.name") ?? text(values, "path") ?? prelude.longName ?? header.name;
  const type = typeOf(header, path, fail);
  const sparse = readPaxSparse(prelude.records, fail);
  if (sparse !== undefined && type !== "file") fail(`it is sparse, but a ${type}`);
  const bodySize = bodySizeOf(header, values.get("size"), type, fail, warn);
  const entry = {
    type,
    path,
    linkPath: text(values, "linkpath") ?? prelude.longLink ?? header.linkName,
    size: type === "file" ? (sparse?.size ?? bodySize) : 0,
    ...owners(header, values, fail),
    ...times(header, values, fail),
    ...device(header, type, fail),
    xattrs: readXattrs(prelude.records, fail, warn),
  };
  return { entry, bodySize, sparse };
}

function text(values: ReadonlyMap<string, Buffer>, key: string): ByteString | undefined {
  const value = values.get(key);
  return value === undefined ? undefined : byteStringOf(value);
}

/** Names are taken as bytes, so that every charset is kept as it is; only a reader who converts would need to know it. */
function checkCharset(values: ReadonlyMap<string, Buffer>, warn: Warn): void {
  const charset = text(values, "hdrcharset") ?? "";
  if (!CHARSETS.has(charset)) warn("its names are in a character set of their own, and were kept byte for byte");
}

/** v7 had no type for directories, it gave them a trailing slash; GNU tar and bsdtar heed it still. */
function typeOf(header: HeaderBlock, path: ByteString, fail: Fail): TarType {
  const type = TYPES[header.typeflag];
  if (type === undefined) {
    const shown = JSON.stringify(header.typeflag);
    return fail(
      `its type ${shown} is unknown, expected a file, directory, link, device or FIFO`,
      "Make the archive again in a standard format, such as with tar --format=pax.",
    );
  }
  return type === "file" && header.typeflag !== "S" && path.endsWith("/") ? "directory" : type;
}

/**
 * How many bytes follow the header: decided here and nowhere else, so that no two readings of one archive can differ.
 *
 * The `size` keyword counts before the header's field. A hardlink has no body whatever its size says, as in GNU tar: old
 * writers put the file's size there. Bodies of symlinks and directories are passed over. Devices and FIFOs must have none.
 */
function bodySizeOf(header: HeaderBlock, record: Buffer | undefined, type: TarType, fail: Fail, warn: Warn): number {
  const size = record === undefined ? header.size : parseDecimal(record);
  if (!(size >= 0) || size > Number.MAX_SAFE_INTEGER - BLOCK) return fail("its size is negative, too large or no number");
  if (record !== undefined && size !== header.size) {
    // 12 octal digits hold less than 8 GiB; for more, some writers leave anything in the field.
    if (size < 8 ** 11) warn(`its header says ${header.size} bytes, its extended header ${size}, and the latter counts`);
  }
  if (size === 0 || type === "file") return size;
  if (type === "hardlink") return 0;
  if (type !== "symlink" && type !== "directory") return fail(`it is a ${type} with a size of ${size} bytes, expected 0`);
  warn(`it is a ${type} with a body of ${size} bytes, which was passed over`);
  return size;
}

function owners(header: HeaderBlock, values: ReadonlyMap<string, Buffer>, fail: Fail): Pick<Metadata, "mode" | "uid" | "gid"> {
  if (!(header.mode >= 0)) fail("its mode is no number");
  return {
    // Number, not bits: a mode of more than 32 bits must not wrap.
    mode: header.mode % 0o10000,
    uid: owner(header.uid, values.get("uid"), "user", fail),
    gid: owner(header.gid, values.get("gid"), "group", fail),
  };
}

function owner(field: number, record: Buffer | undefined, what: string, fail: Fail): number {
  const id = record === undefined ? field : parseDecimal(record);
  if (!(id >= 0 && id <= MAX_OWNER)) return fail(`its ${what} id is no number from 0 to ${MAX_OWNER}`);
  return id;
}

function times(
  header: HeaderBlock,
  values: ReadonlyMap<string, Buffer>,
  fail: Fail,
): Pick<Metadata, "mtimeSeconds" | "mtimeNanoseconds"> {
  const record = values.get("mtime");
  const fromField = Number.isNaN(header.mtime) ? undefined : { seconds: header.mtime, nanoseconds: 0 };
  const time: PaxTime | undefined = record === undefined ? fromField : parsePaxTime(record);
  if (time === undefined || !Number.isSafeInteger(time.seconds)) return fail("its modification time is no number");
  return { mtimeSeconds: time.seconds, mtimeNanoseconds: time.nanoseconds };
}

function device({ major, minor }: HeaderBlock, type: TarType, fail: Fail): { major: number; minor: number } {
  if (type !== "character" && type !== "block") return { major: 0, minor: 0 };
  if (!(major >= 0 && major <= MAX_MAJOR && minor >= 0 && minor <= MAX_MINOR)) {
    return fail(`its device number is out of range, expected at most ${MAX_MAJOR}:${MAX_MINOR}`);
  }
  return { major, minor };
}
