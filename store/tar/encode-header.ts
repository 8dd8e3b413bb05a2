import { type ByteString, isUtf8 } from "../../core/model/byte-string.js";
import type { Entry } from "../../core/model/entry.js";
import { BLOCK } from "./limits.js";
import { encodePaxRecord, formatPaxTime } from "./pax-records.js";
import { encodeXattrs } from "./xattr-records.js";

const TYPEFLAGS: Readonly<Partial<Record<Entry["type"], string>>> = {
  file: "0",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const HARDLINK = "1";
const EXTENDED = "x";
const MAX_OCTAL_OWNER = 0o7_777_777;
const MAX_OCTAL_TIME = 0o77_777_777_777;
/** 12 octal digits less the NUL. */
const MAX_OCTAL_SIZE = 0o77_777_777_777;

const NAME_BYTES = 100;
const ZEROS = Buffer.alloc(BLOCK);
/** What all blocks have alike. The checksum is taken with spaces in its place. */
const TEMPLATE = Buffer.alloc(BLOCK);
TEMPLATE.fill(" ", 148, 156);
TEMPLATE.write("ustar\x0000", 257, "latin1");

/** What an entry's header says besides the entry. */
export interface HeaderDetails {
  /** As it stands in the archive: a directory's ends with a slash. */
  readonly path: ByteString;
  /** The first path of its hardlink group, when this is another one. */
  readonly hardlinkTo?: ByteString | undefined;
  /** Bytes of body. */
  readonly bodySize: number;
  /** Records that the body's form asks for (sparse files). */
  readonly extra?: readonly Buffer[];
}

/**
 * The blocks before an entry's body: a PAX header for all that ustar can't say exactly, then the ustar header.
 *
 * @throws TypeError for a socket, which no tar can hold.
 */
export function encodeHeaders(entry: Entry, details: HeaderDetails): Buffer[] {
  const { hardlinkTo, path } = details;
  const link = hardlinkTo ?? (entry.type === "symlink" ? entry.target : ("" as ByteString));
  const records = [...pathRecords(path, link), ...(details.extra ?? []), ...numberRecords(entry, details)];
  if (hardlinkTo === undefined) records.push(...encodeXattrs(entry.xattrs));
  const typeflag = hardlinkTo === undefined ? TYPEFLAGS[entry.type] : HARDLINK;
  if (typeflag === undefined) throw new TypeError("encodeHeaders() of a socket");
  const header = encodeBlock({ ...blockFields(entry), path, link, typeflag, size: details.bodySize });
  return records.length === 0 ? [header] : [...extendedHeader(records), header];
}

function pathRecords(path: ByteString, link: ByteString): Buffer[] {
  const hasPath = needsRecord(path);
  const hasLink = needsRecord(link);
  if (!hasPath && !hasLink) return [];
  const isBinary = (hasPath && !isUtf8(path)) || (hasLink && !isUtf8(link));
  return [
    ...(isBinary ? [encodePaxRecord("hdrcharset", "BINARY")] : []),
    ...(hasPath ? [encodePaxRecord("path", path)] : []),
    ...(hasLink ? [encodePaxRecord("linkpath", link)] : []),
  ];
}

/** A ustar field holds 100 bytes of ASCII; what other readers make of other bytes depends on their locale. */
function needsRecord(name: ByteString): boolean {
  return name.length > 100 || /[^\x01-\x7f]/.test(name);
}

function numberRecords(entry: Entry, { bodySize, hardlinkTo }: HeaderDetails): Buffer[] {
  const records: Buffer[] = [];
  if (entry.uid > MAX_OCTAL_OWNER) records.push(encodePaxRecord("uid", String(entry.uid)));
  if (entry.gid > MAX_OCTAL_OWNER) records.push(encodePaxRecord("gid", String(entry.gid)));
  const { mtimeSeconds, mtimeNanoseconds } = entry;
  if (mtimeNanoseconds !== 0 || mtimeSeconds < 0 || mtimeSeconds > MAX_OCTAL_TIME) {
    records.push(encodePaxRecord("mtime", formatPaxTime(mtimeSeconds, mtimeNanoseconds)));
  }
  if (hardlinkTo === undefined && bodySize > MAX_OCTAL_SIZE) records.push(encodePaxRecord("size", String(bodySize)));
  return records;
}

interface BlockFields {
  readonly path: ByteString;
  readonly link: ByteString;
  readonly typeflag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

function blockFields(entry: Entry): Pick<BlockFields, "mode" | "uid" | "gid" | "mtime" | "major" | "minor"> {
  const isDevice = entry.type === "character" || entry.type === "block";
  return {
    mode: entry.mode,
    // What does not fit stands in the extended header; whoever passes that over gets the nearest that fits.
    uid: Math.min(entry.uid, MAX_OCTAL_OWNER),
    gid: Math.min(entry.gid, MAX_OCTAL_OWNER),
    mtime: Math.min(Math.max(entry.mtimeSeconds, 0), MAX_OCTAL_TIME),
    major: isDevice ? entry.major : 0,
    minor: isDevice ? entry.minor : 0,
  };
}

function extendedHeader(records: readonly Buffer[]): Buffer[] {
  const size = records.reduce((sum, record) => sum + record.length, 0);
  const header = encodeBlock({
    path: "PaxHeaders" as ByteString,
    link: "" as ByteString,
    typeflag: EXTENDED,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
    major: 0,
    minor: 0,
  });
  return [header, ...records, ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK)];
}

/** Without garbage beside the block: a tree of a million files has two million of them. */
function encodeBlock(fields: BlockFields): Buffer {
  const block = Buffer.allocUnsafe(BLOCK);
  block.set(TEMPLATE);
  block.write(fields.path, 0, NAME_BYTES, "latin1");
  putOctal(block, 100, 8, fields.mode);
  putOctal(block, 108, 8, fields.uid);
  putOctal(block, 116, 8, fields.gid);
  putSize(block, fields.size);
  putOctal(block, 136, 12, fields.mtime);
  block[156] = fields.typeflag.charCodeAt(0);
  block.write(fields.link, 157, NAME_BYTES, "latin1");
  putOctal(block, 329, 8, fields.major);
  putOctal(block, 337, 8, fields.minor);
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += block[at]!;
  putOctal(block, 148, 7, sum);
  block[154] = 0;
  return block;
}

/** Octal digits and a NUL. */
function putOctal(block: Buffer, offset: number, length: number, value: number): void {
  let rest = value;
  for (let at = offset + length - 2; at >= offset; at -= 1) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Sizes past 8 GiB stand in both headers, so that no reader takes the body for headers: here in GNU's base-256. */
function putSize(block: Buffer, size: number): void {
  if (size <= MAX_OCTAL_SIZE) {
    putOctal(block, 124, 12, size);
  } else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
}
