import type { ByteString } from "../../core/model/byte-string.js";
import { BLOCK } from "./limits.js";

/**
 * One 512-byte header, in the forms v7, ustar, star and GNU. Numbers that can't be read are NaN, whoever needs them refuses.
 *
 * @see POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
export interface HeaderBlock {
  /** With the ustar prefix. */
  readonly name: ByteString;
  readonly linkName: ByteString;
  /** One byte as a character; v7's NUL is `"0"`. */
  readonly typeflag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds. */
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

export function readHeaderBlock(block: Buffer): HeaderBlock {
  const typeflag = block[156] === 0 ? "0" : String.fromCharCode(block[156] ?? 0);
  return {
    name: fullName(block),
    linkName: readName(block, 157, 100),
    typeflag,
    mode: readNumber(block, 100, 8),
    uid: readNumber(block, 108, 8),
    gid: readNumber(block, 116, 8),
    size: readNumber(block, 124, 12),
    mtime: readNumber(block, 136, 12),
    major: typeflag === "3" || typeflag === "4" ? readNumber(block, 329, 8) : 0,
    minor: typeflag === "3" || typeflag === "4" ? readNumber(block, 337, 8) : 0,
  };
}

/** Bytes up to the first NUL, or the whole field. */
function readName(block: Buffer, offset: number, length: number): ByteString {
  const nul = block.indexOf(0, offset);
  const end = nul === -1 || nul > offset + length ? offset + length : nul;
  return block.toString("latin1", offset, end) as ByteString;
}

/** GNU headers ("ustar" and two spaces) keep other things where POSIX has the prefix; star has a shorter one. */
function fullName(block: Buffer): ByteString {
  const name = readName(block, 0, 100);
  if (block[345] === 0 || block.toString("latin1", 257, 263) !== "ustar\0") return name;
  const isStar = block.toString("latin1", 508, 512) === "tar\0";
  return `${readName(block, 345, isStar ? 131 : 155)}/${name}` as ByteString;
}

/**
 * An octal or base-256 number.
 *
 * Octal: blanks, digits, then a blank, a NUL or the field's end (bsdtar fills the field for sizes from 8 to 64 GiB). A field
 * of NULs is 0, as old writers leave it; one of blanks alone is no number.
 * Base-256: GNU's form, big-endian two's complement with the top bit as mark.
 *
 * @returns NaN when it is neither, or no safe integer.
 */
export function readNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first >= 0x80) return readBase256(block, offset, length);
  let at = offset;
  const end = offset + length;
  while (at < end && block[at] === 0x20) at += 1;
  const start = at;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at < end && block[at] !== 0 && block[at] !== 0x20) return Number.NaN;
  if (at === start) return first === 0 ? 0 : Number.NaN;
  return value;
}

function readBase256(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  let value = BigInt(first & 0x40 ? (first & 0x7f) - 0x80 : first & 0x7f);
  for (let at = offset + 1; at < offset + length; at += 1) value = value * 256n + BigInt(block[at] ?? 0);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** The sum over the block with its checksum field as blanks: of unsigned bytes, as POSIX has it, or of signed ones, as old tars had. */
export function isChecksumRight(block: Buffer): boolean {
  const wanted = readNumber(block, 148, 8);
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < BLOCK; at += 1) {
    if (at === 148) at = 156;
    const byte = block[at] ?? 0;
    unsigned += byte;
    if (byte > 127) high += 1;
  }
  return wanted === unsigned || wanted === unsigned - 256 * high;
}

const ZEROS = Buffer.alloc(BLOCK);

export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const part = bytes.subarray(at, at + BLOCK);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}
