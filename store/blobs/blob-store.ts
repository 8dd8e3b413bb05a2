import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { blobDigest, hexOf, type BlobDigest } from "../../core/model/image.js";
import type { BlobCopy, Blobs, KeptBlob } from "../../core/ports/blobs.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { syncDirectory, writeFully, writeNewFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { putTogether, tarSize } from "./layer-tar.js";
import { ReceivedBlob } from "./received-blob.js";

export type BlobLayout = Pick<StoreLayout, "root" | "blobs" | "scratch">;

const LARGEST_DOCUMENT_BYTES = 8 * 1024 * 1024;
const PIECE_BYTES = 1 << 18;
const FOLDERS = { blob: "sha256", tar: "tars" } as const;
const NO_TAR = ".none";
const NAME = /^([0-9a-f]{64})(\.none)?$/;

export function openBlobs(layout: BlobLayout): Blobs {
  return {
    has: (digest) => exists(blobFile(layout, digest)),
    size: (digest) => reading(blobFile(layout, digest), (fd) => fstatSync(fd).size),
    put: (bytes) => put(layout, bytes),
    read: (digest) => read(blobFile(layout, digest), digest),
    open: (digest) => pieces(blobFile(layout, digest), digest),
    copy: (stream) => new FileCopy(layout, stream),
    receive: () =>
      new ReceivedBlob(scratchPath(layout, "blob"), (scratch, digest) => {
        // Two layers of an image may be the same blob.
        if (exists(scratch)) publish(scratch, blobFile(layout, digest));
      }),
    hasTar: (diffId) => exists(tarFile(layout, diffId)),
    lacksTar: (diffId) => exists(`${tarFile(layout, diffId)}${NO_TAR}`),
    tarSize: (diffId) => tarSize(tarFile(layout, diffId)),
    tar: (diffId, contentOf) => putTogether(tarFile(layout, diffId), diffId, contentOf),
    list: () => listBlobs(layout),
  };
}

export function blobFile({ blobs }: Pick<StoreLayout, "blobs">, digest: BlobDigest): string {
  return path.join(blobs, FOLDERS.blob, hexOf(digest));
}

/** How the tar of a DiffID was put together: see tar-record.ts. */
export function tarFile({ blobs }: Pick<StoreLayout, "blobs">, diffId: BlobDigest): string {
  return path.join(blobs, FOLDERS.tar, hexOf(diffId));
}

/** Keeps that a tar can't be put together from its layer, so that nobody reads it again in the hope that it can. @throws VarveError DISK_FULL, PERMISSION. */
export function markWithoutTar(layout: BlobLayout, diffId: BlobDigest): void {
  const scratch = scratchPath(layout, "tar");
  try {
    writeNewFile(scratch, Buffer.from("varve tar record: none\n"));
  } catch (error) {
    throw systemFailure("keep a blob", error, scratch);
  }
  publish(scratch, `${tarFile(layout, diffId)}${NO_TAR}`);
}

/**
 * Puts a finished file in place, durably; what stands there already is replaced, since it may be what a crash left. One that can't be put is removed.
 *
 * @throws VarveError DISK_FULL, PERMISSION.
 */
export function publish(scratch: string, file: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    renameSync(scratch, file);
    syncDirectory(path.dirname(file));
    syncDirectory(path.dirname(path.dirname(file)));
  } catch (error) {
    rmSync(scratch, { force: true });
    throw systemFailure("keep a blob", error, file);
  }
}

function put(layout: BlobLayout, bytes: Uint8Array): BlobDigest {
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  const scratch = scratchPath(layout, "blob");
  try {
    writeNewFile(scratch, bytes);
  } catch (error) {
    throw systemFailure("keep a blob", error, scratch);
  }
  publish(scratch, blobFile(layout, digest));
  return digest;
}

function read(file: string, digest: BlobDigest): Uint8Array {
  return reading(file, (fd) => {
    const { size } = fstatSync(fd);
    if (size > LARGEST_DOCUMENT_BYTES) throw damaged(file, `has ${size} bytes`);
    const bytes = Buffer.alloc(size);
    for (let done = 0; done < size;) {
      const count = readSync(fd, bytes, done, size - done, done);
      if (count === 0) throw damaged(file, "became shorter while it was read");
      done += count;
    }
    requireDigest(createHash("sha256").update(bytes), digest, file);
    return bytes;
  });
}

async function* pieces(file: string, digest: BlobDigest): AsyncGenerator<Uint8Array> {
  const fd = opened(file);
  try {
    const hash = createHash("sha256");
    for (;;) {
      if (isTurnDue()) await yieldToSignals();
      // A new one each time: who reads may hold on to it.
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const count = readSync(fd, piece);
      if (count === 0) break;
      hash.update(piece.subarray(0, count));
      yield piece.subarray(0, count);
    }
    requireDigest(hash, digest, file);
  } finally {
    closeSync(fd);
  }
}

class FileCopy implements BlobCopy {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly #layout: BlobLayout;
  readonly #scratch: string;
  readonly #hash: Hash = createHash("sha256");
  #fd: number | undefined;

  constructor(layout: BlobLayout, stream: AsyncIterable<Uint8Array>) {
    this.#layout = layout;
    this.#scratch = scratchPath(layout, "blob");
    try {
      this.#fd = openSync(this.#scratch, "wx", 0o644);
    } catch (error) {
      throw systemFailure("keep a blob", error, this.#scratch);
    }
    this.stream = this.#copied(stream);
  }

  async *#copied(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of stream) {
      this.#hash.update(piece);
      this.#doing((fd) => writeFully(fd, piece));
      yield piece;
    }
  }

  keep(): BlobDigest {
    const digest = blobDigest(this.#hash.digest("hex"));
    this.#doing((fd) => fsyncSync(fd));
    this.#close();
    publish(this.#scratch, blobFile(this.#layout, digest));
    return digest;
  }

  discard(): void {
    if (this.#fd === undefined) return;
    this.#close();
    rmSync(this.#scratch, { force: true });
  }

  #doing(work: (fd: number) => void): void {
    try {
      if (this.#fd !== undefined) work(this.#fd);
    } catch (error) {
      throw systemFailure("keep a blob", error, this.#scratch);
    }
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Names of other forms are nobody's. */
function listBlobs({ root, blobs }: BlobLayout): KeptBlob[] {
  return (["blob", "tar"] as const).flatMap((kind) => {
    const folder = path.join(blobs, FOLDERS[kind]);
    return namesIn(folder).flatMap((name) => {
      const [, hex, mark] = NAME.exec(name) ?? [];
      if (hex === undefined || (kind === "blob" && mark !== undefined)) return [];
      const file = path.join(folder, name);
      const bytes = (lstatSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
      const listed = mark === undefined ? kind : "no-tar";
      return [{ kind: listed, digest: blobDigest(hex), path: path.relative(root, file), bytes }];
    });
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw systemFailure("list blobs", error, folder);
  }
}

function exists(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

const NO_FILE: Readonly<Record<string, string>> = {
  ENOENT: "is missing",
  ELOOP: "is a symbolic link",
  EFTYPE: "is no regular file",
  ENXIO: "is no regular file",
};

function opened(file: string): number {
  try {
    return openRegularFile(file);
  } catch (error) {
    const state = NO_FILE[errnoOf(error) ?? ""];
    throw state === undefined ? systemFailure("read a blob", error, file) : damaged(file, state);
  }
}

function reading<Result>(file: string, work: (fd: number) => Result): Result {
  const fd = opened(file);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function requireDigest(hash: Hash, digest: BlobDigest, file: string): void {
  if (hash.digest("hex") !== hexOf(digest)) throw damaged(file, "is not what its name says");
}

function damaged(file: string, state: string): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read a blob of an image: its file ${state}`, {
    path: file,
    hint: "Run `varve fsck --repair`, then load or pull the image again: that puts the blob back.",
  });
}
