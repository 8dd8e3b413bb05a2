// A pack of git, version 2, without deltas. @see gitformat-pack(5)
import { createHash } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import type { LooseObject } from "./loose-objects.js";

const SIGNATURE = "PACK";
const VERSION = 2;
const HEADER_BYTES = 12;
const TRAILER_BYTES = 20;
/** What zlib takes. */
const LEAST_CHUNK_BYTES = 64;
const TYPES: Readonly<Record<string, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const KINDS: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(TYPES).map(([kind, type]) => [type, kind]));

/** What is taken of a stranger's pack. */
export interface PackLimits {
  readonly objects: number;
  /** Of one object, inflated. */
  readonly objectBytes: number;
  /** Of all of them, inflated. */
  readonly allBytes: number;
}

/** Git's id of an object. */
export function objectId({ kind, body }: LooseObject): string {
  return createHash("sha1").update(`${kind} ${body.length}\0`).update(body).digest("hex");
}

/** The same bytes for the same objects in the same order. */
export function encodePack(objects: readonly LooseObject[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(SIGNATURE, "latin1");
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(objects.length, 8);
  const parts = [
    header,
    ...objects.flatMap(({ kind, body }) => [objectHead(TYPES[kind] as number, body.length), deflateSync(body)]),
  ];
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part);
  return Buffer.concat([...parts, hash.digest()]);
}

/** Type and length: 4 bits of it in the first byte, then 7 in each, the lowest first. */
function objectHead(type: number, length: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(length / 16);
  bytes.push((type << 4) | (length % 16) | (rest > 0 ? 0x80 : 0));
  for (; rest > 0; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  return Buffer.from(bytes);
}

/**
 * Takes a pack apart.
 * @throws SyntaxError, with what is wrong as text that follows "its pack".
 */
export function decodePack(pack: Buffer, limits: PackLimits): ReadonlyMap<string, LooseObject> {
  const end = pack.length - TRAILER_BYTES;
  if (end < HEADER_BYTES || pack.toString("latin1", 0, 4) !== SIGNATURE) throw new SyntaxError("is none");
  if (pack.readUInt32BE(4) !== VERSION) throw new SyntaxError(`is of version ${pack.readUInt32BE(4)}, expected ${VERSION}`);
  if (!createHash("sha1").update(pack.subarray(0, end)).digest().equals(pack.subarray(end)))
    throw new SyntaxError("has a wrong checksum");
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw new SyntaxError(`has ${count} objects, expected at most ${limits.objects}`);
  const objects = new Map<string, LooseObject>();
  let left = limits.allBytes;
  let at = HEADER_BYTES;
  for (let index = 0; index < count; index += 1) {
    const { object, next } = objectAt(pack.subarray(0, end), at, Math.min(limits.objectBytes, left));
    left -= object.body.length;
    objects.set(objectId(object), object);
    at = next;
  }
  if (at !== end) throw new SyntaxError("has bytes behind its objects");
  if (objects.size !== count) throw new SyntaxError("has an object twice");
  return objects;
}

function objectAt(pack: Buffer, start: number, most: number): { readonly object: LooseObject; readonly next: number } {
  let at = start;
  const byte = (): number => {
    const value = pack[at];
    if (value === undefined) throw new SyntaxError("ends too early");
    at += 1;
    return value;
  };
  let head = byte();
  const type = (head >> 4) & 7;
  let length = head & 15;
  for (let factor = 16; (head & 0x80) !== 0; factor *= 128) {
    head = byte();
    length += (head & 0x7f) * factor;
    if (length > most) throw new SyntaxError("has objects that are too large");
  }
  const kind = KINDS[type];
  if (kind === undefined) throw new SyntaxError("has deltas, expected whole objects");
  const { body, used } = inflated(pack.subarray(at), length);
  return { object: { kind, body }, next: at + used };
}

function inflated(bytes: Buffer, length: number): { readonly body: Buffer; readonly used: number } {
  let result: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    // One byte more than it may have tells that it has more. In a piece of that size: of the usual ones each object would keep 16 KiB. `info` is not in
    // the types of this function.
    const options = { maxOutputLength: length + 1, chunkSize: Math.max(length + 1, LEAST_CHUNK_BYTES), info: true };
    result = inflateSync(bytes, options) as unknown as typeof result;
  } catch {
    throw new SyntaxError("has an object that can't be inflated");
  }
  if (result.buffer.length !== length) throw new SyntaxError("has an object of another length than it says");
  return { body: result.buffer, used: result.engine.bytesWritten };
}
