import { crc32 as zlibCrc32 } from "node:zlib";

/** Polynomials, bits reversed. */
const CASTAGNOLI = 0x82f63b78;
const IEEE = 0xedb88320;

/** What is worth loading `node:zlib` for, which the bundle does when it is first used: it takes 2 ms, as a table does for these bytes. */
const MUCH = 256 * 1024;

let table32c: Uint32Array | undefined;
let table32: Uint32Array | undefined;
let bytesSummed = 0;

/** CRC-32C as EROFS stores it: begun with all ones and, unlike in iSCSI, not inverted at the end. */
export function crc32c(bytes: Uint8Array): number {
  return crc((table32c ??= tableOf(CASTAGNOLI)), bytes, 0xffffffff);
}

/**
 * The CRC-32 of zlib, gzip and PNG: `zlib.crc32()` for the few lines that most commands check, before that module must be loaded.
 *
 * @param before The sum of the bytes that stand before these.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  bytesSummed += bytes.length;
  if (bytesSummed > MUCH) return zlibCrc32(bytes, before);
  return ~crc((table32 ??= tableOf(IEEE)), bytes, ~before) >>> 0;
}

function crc(table: Uint32Array, bytes: Uint8Array, before: number): number {
  let sum = before;
  // By index: a short run of a program never leaves V8's interpreter, where an iterator is a call for each byte.
  for (let at = 0; at < bytes.length; at += 1) sum = (table[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  return sum >>> 0;
}

function tableOf(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}
