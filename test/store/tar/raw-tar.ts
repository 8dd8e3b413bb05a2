/** Archives by the byte: what no tar program would write. All texts are bytes in latin1. */

const BLOCK = 512;

export interface RawHeader {
  readonly name?: string;
  readonly prefix?: string;
  /** A number is written in octal, a text as it is. */
  readonly mode?: number | string;
  readonly uid?: number | string;
  readonly gid?: number | string;
  readonly size?: number | string;
  readonly mtime?: number | string;
  readonly typeflag?: string;
  readonly linkname?: string;
  readonly magic?: string;
  readonly major?: number | string;
  readonly minor?: number | string;
  /** By default the right one; `signed` is that of old tars. */
  readonly checksum?: string;
  /** Last changes, before the checksum. */
  readonly patch?: (block: Buffer) => void;
}

export function header(raw: RawHeader): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (offset: number, length: number, value: number | string): void => {
    const text = typeof value === "number" ? `${value.toString(8).padStart(length - 1, "0")}\0` : value;
    block.write(text, offset, length, "latin1");
  };
  put(0, 100, raw.name ?? "f");
  put(100, 8, raw.mode ?? 0o644);
  put(108, 8, raw.uid ?? 0);
  put(116, 8, raw.gid ?? 0);
  put(124, 12, raw.size ?? 0);
  put(136, 12, raw.mtime ?? 0);
  put(156, 1, raw.typeflag ?? "0");
  put(157, 100, raw.linkname ?? "");
  put(257, 8, raw.magic ?? "ustar\x0000");
  put(329, 8, raw.major ?? 0);
  put(337, 8, raw.minor ?? 0);
  if (raw.prefix !== undefined) put(345, 155, raw.prefix);
  raw.patch?.(block);
  block.fill(0x20, 148, 156);
  put(148, 8, checksum(block, raw.checksum));
  return block;
}

function checksum(block: Buffer, wanted: string | undefined): string {
  if (wanted !== undefined && wanted !== "signed") return wanted;
  let sum = 0;
  for (const byte of block) sum += wanted === "signed" && byte > 127 ? byte - 256 : byte;
  return `${sum.toString(8).padStart(6, "0")}\0 `;
}

export function padded(body: Buffer | string): Buffer {
  const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

/** A header whose size is right unless given, and the body. */
export function entry(raw: RawHeader, body: Buffer | string = ""): Buffer {
  const length = typeof body === "string" ? Buffer.byteLength(body, "latin1") : body.length;
  return Buffer.concat([header({ size: length, ...raw }), padded(body)]);
}

export const file = (name: string, body = "", more: RawHeader = {}): Buffer => entry({ name, ...more }, body);
export const directory = (name: string, more: RawHeader = {}): Buffer => entry({ name, typeflag: "5", mode: 0o755, ...more });
export const symlink = (name: string, linkname: string, more: RawHeader = {}): Buffer =>
  entry({ name, typeflag: "2", linkname, mode: 0o777, ...more });
export const hardlink = (name: string, linkname: string, more: RawHeader = {}): Buffer =>
  entry({ name, typeflag: "1", linkname, ...more });

export type PaxPairs = readonly (readonly [key: string, value: string])[];

/** An extended header; `type` `g` is a global one. */
export function pax(records: PaxPairs, type: "x" | "g" = "x"): Buffer {
  return rawPax(records.map(([key, value]) => paxRecord(key, value)).join(""), type);
}

export function paxRecord(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (length !== rest + String(length).length) length += 1;
  return `${length} ${key}=${value}\n`;
}

export function rawPax(body: string, type: "x" | "g" = "x"): Buffer {
  return entry({ name: "PaxHeaders/f", typeflag: type }, body);
}

/** GNU's long name (`L`) or long link (`K`), with its NUL. */
export function gnuLong(type: "L" | "K", name: string): Buffer {
  return entry({ name: "././@LongLink", typeflag: type, magic: "ustar  \0" }, `${name}\0`);
}

export const END: Buffer = Buffer.alloc(2 * BLOCK);

export function archive(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, END]);
}

/** GNU's base-256 number. */
export function base256(value: bigint, length: number): string {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes.toString("latin1");
}
