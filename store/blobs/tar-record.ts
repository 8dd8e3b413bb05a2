// What a layer's tar is beside the contents of its files: headers, padding, the end. With the contents, which layer images hold, the same bytes come out
// again, and so the same DiffID. After a line that names the format there are frames: {length u32, compressed length u32, raw deflate}, little-endian.
// Inflated and put together they are tokens:
//   1 {length u32} bytes                                   as they stand in the tar
//   2 {SHA-256 32 bytes, size u64}                         a whole content
//   3 {SHA-256 32 bytes, size u64, count u32} {offset u64, length u64}…   pieces of a content that has holes
// docs/on-disk-format.md has the same.
import { closeSync, fsyncSync, openSync, readSync, rmSync } from "node:fs";
import { createHash, type Hash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { VarveError } from "../../core/errors.js";
import type { ContentDigest } from "../../core/model/ids.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { writeFully } from "../durable-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";

const MAGIC = Buffer.from("varve tar record 1\n");
const [BYTES, WHOLE, PIECES] = [1, 2, 3];
const DIGEST_BYTES = 32;
const HEADER_BYTES = 8;
/** A frame is written when it has so much. */
const FRAME_BYTES = 1 << 20;
/** Of a file of a million pieces, and what stands before it. */
const LARGEST_FRAME_BYTES = 1 << 26;

export interface Piece {
  readonly offset: number;
  readonly length: number;
}

export type TarPart = { readonly bytes: Uint8Array } | ContentPart;

export interface ContentPart {
  readonly digest: ContentDigest;
  /** Of the content. */
  readonly size: number;
  readonly pieces: readonly Piece[];
}

/** Writes a record while a tar is read. Told of each chunk before and after it is read, and between of the bodies in it. */
export class TarRecorder {
  /** What the tar's files have. */
  readonly digests: Set<ContentDigest> = new Set();
  readonly #file: string;
  readonly #fd: number;
  readonly #hash: Hash = createHash("sha256");
  #parts: Buffer[] = [MAGIC.subarray(0, 0)];
  #length = 0;
  #chunk: Uint8Array = MAGIC.subarray(0, 0);
  /** How much of the chunk is told. */
  #told = 0;
  #pieces: Piece[] = [];
  #position = 0;
  #isClosed = false;

  /** @param file A path that nobody uses. @throws Of the file system. */
  constructor(file: string) {
    this.#file = file;
    this.#fd = openSync(file, "wx", 0o600);
    try {
      writeFully(this.#fd, MAGIC);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  begin(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#chunk = chunk;
    this.#told = 0;
  }

  end(): void {
    this.#bytes(this.#chunk.length);
  }

  /** @param bytes A part of the chunk. */
  body(bytes: Uint8Array): void {
    const at = bytes.byteOffset - this.#chunk.byteOffset;
    this.#bytes(at);
    this.#told = at + bytes.length;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.offset + last.length === this.#position)
      this.#pieces[this.#pieces.length - 1] = { offset: last.offset, length: last.length + bytes.length };
    else this.#pieces.push({ offset: this.#position, length: bytes.length });
    this.#position += bytes.length;
  }

  hole(length: number): void {
    this.#position += length;
  }

  fileEnd(digest: ContentDigest, size: number): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#position = 0;
    if (pieces.length === 0) return;
    this.digests.add(digest);
    const isWhole = pieces.length === 1 && pieces[0]?.length === size;
    const token = Buffer.alloc(1 + DIGEST_BYTES + 8 + (isWhole ? 0 : 4 + 16 * pieces.length));
    token[0] = isWhole ? WHOLE : PIECES;
    token.write(digest, 1, "hex");
    token.writeBigUInt64LE(BigInt(size), 1 + DIGEST_BYTES);
    if (!isWhole) {
      let at = token.writeUInt32LE(pieces.length, 1 + DIGEST_BYTES + 8);
      for (const { offset, length } of pieces)
        at = token.writeBigUInt64LE(BigInt(length), token.writeBigUInt64LE(BigInt(offset), at));
    }
    this.#put(token);
  }

  /** @returns SHA-256 of all that was read. The record is on the disk then, under the path that was given. */
  finish(): string {
    this.#flush();
    fsyncSync(this.#fd);
    this.#close();
    return this.#hash.digest("hex");
  }

  discard(): void {
    this.#close();
    rmSync(this.#file, { force: true });
  }

  #close(): void {
    if (!this.#isClosed) closeSync(this.#fd);
    this.#isClosed = true;
  }

  #bytes(end: number): void {
    if (end === this.#told) return;
    if (this.#pieces.length > 0) throw new TypeError("a body of a tar is not in one piece");
    for (let from = this.#told; from < end; from += FRAME_BYTES) {
      const bytes = this.#chunk.subarray(from, Math.min(end, from + FRAME_BYTES));
      const head = Buffer.alloc(5);
      head[0] = BYTES;
      head.writeUInt32LE(bytes.length, 1);
      this.#put(Buffer.concat([head, bytes]));
    }
    this.#told = end;
  }

  #put(token: Buffer): void {
    this.#parts.push(token);
    this.#length += token.length;
    if (this.#length >= FRAME_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#length === 0) return;
    const packed = deflateRawSync(Buffer.concat(this.#parts), { level: 1 });
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt32LE(this.#length, 0);
    head.writeUInt32LE(packed.length, 4);
    writeFully(this.#fd, head);
    writeFully(this.#fd, packed);
    this.#parts = [];
    this.#length = 0;
  }
}

/**
 * What a record says, in the tar's order. Nothing of it is believed to be right: whoever puts the tar together compares its digest.
 * @throws VarveError STORE_DAMAGED.
 */
export function* readTarRecord(file: string): Generator<TarPart> {
  const fd = openedRecord(file);
  try {
    const magic = read(fd, MAGIC.length);
    if (magic?.equals(MAGIC) !== true) throw damaged(file);
    for (;;) {
      const head = read(fd, HEADER_BYTES);
      if (head === undefined) return;
      const [length, packed] = [head.readUInt32LE(0), head.readUInt32LE(4)];
      if (length > LARGEST_FRAME_BYTES || packed > LARGEST_FRAME_BYTES) throw damaged(file);
      yield* tokensOf(inflated(read(fd, packed), length, file), file);
    }
  } finally {
    closeSync(fd);
  }
}

function openedRecord(file: string): number {
  try {
    return openRegularFile(file);
  } catch (error) {
    // What is missing, or no file, a crash or somebody else has left.
    if (["ENOENT", "ELOOP", "EFTYPE", "ENXIO"].includes(errnoOf(error) ?? "")) throw damaged(file);
    throw systemFailure("read how a layer's tar was put together", error, file);
  }
}

function* tokensOf(frame: Buffer, file: string): Generator<TarPart> {
  const need = (at: number, bytes: number): void => {
    if (at + bytes > frame.length) throw damaged(file);
  };
  for (let at = 0; at < frame.length;) {
    const kind = frame[at];
    at += 1;
    if (kind === BYTES) {
      need(at, 4);
      const length = frame.readUInt32LE(at);
      need(at + 4, length);
      yield { bytes: frame.subarray(at + 4, at + 4 + length) };
      at += 4 + length;
      continue;
    }
    if (kind !== WHOLE && kind !== PIECES) throw damaged(file);
    need(at, DIGEST_BYTES + 8);
    const digest = frame.toString("hex", at, at + DIGEST_BYTES) as ContentDigest;
    const size = numberAt(frame, at + DIGEST_BYTES, file);
    at += DIGEST_BYTES + 8;
    if (kind === WHOLE) {
      yield { digest, size, pieces: [{ offset: 0, length: size }] };
      continue;
    }
    need(at, 4);
    const count = frame.readUInt32LE(at);
    at += 4;
    need(at, 16 * count);
    const pieces: Piece[] = [];
    for (const end = at + 16 * count; at < end; at += 16) {
      const piece = { offset: numberAt(frame, at, file), length: numberAt(frame, at + 8, file) };
      if (piece.offset + piece.length > size) throw damaged(file);
      pieces.push(piece);
    }
    yield { digest, size, pieces };
  }
}

function inflated(packed: Buffer | undefined, length: number, file: string): Buffer {
  try {
    const frame = inflateRawSync(packed!, { maxOutputLength: Math.max(length, 1) });
    if (frame.length === length) return frame;
  } catch {
    // Told below.
  }
  throw damaged(file);
}

/** @returns `undefined` at the end of the file. */
function read(fd: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const count = readSync(fd, bytes, done, length - done, null);
    if (count === 0) return undefined;
    done += count;
  }
  return bytes;
}

function numberAt(frame: Buffer, at: number, file: string): number {
  const value = Number(frame.readBigUInt64LE(at));
  if (!Number.isSafeInteger(value)) throw damaged(file);
  return value;
}

function damaged(file: string): VarveError {
  return new VarveError("STORE_DAMAGED", "Cannot read how a layer's tar was put together: its record is damaged", {
    path: file,
    hint: "Get the image again from where it came from; varve makes a new tar of the layer otherwise.",
  });
}
