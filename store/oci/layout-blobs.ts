import { createHash, type Hash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { parseStrictJson } from "../../core/image/strict-json.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { errnoOf } from "../system-failure.js";
import { type Descriptor } from "./descriptor.js";
import type { ImageFile, ImageFiles } from "./image-files.js";

const PIECE_BYTES = 1 << 18;
/** What the specification suggests for manifests, of indexes and configs too. */
const LARGEST_DOCUMENT_BYTES = 4 * 1024 * 1024;

export interface Document {
  /** As they stand there. */
  readonly bytes: Buffer;
  /** Checked by nobody. */
  readonly value: unknown;
}

/** The files of an OCI layout, each checked against the descriptor that led to it. @see image-layout.md of the OCI image specification */
export class LayoutBlobs {
  readonly #files: ImageFiles;
  readonly #directory: string;
  readonly #checked = new Set<string>();

  constructor(files: ImageFiles) {
    this.#files = files;
    this.#directory = files.place;
  }

  /** A document that no descriptor leads to, such as `index.json`. @throws VarveError SOURCE_INVALID. */
  document(name: string): Document {
    const what = `its ${name}`;
    const file = this.#open(what, name);
    try {
      if (file.size > LARGEST_DOCUMENT_BYTES) throw this.#tooLarge(what, file.size);
      const bytes = Buffer.alloc(file.size);
      let done = 0;
      for (let count = -1; done < bytes.length && count !== 0; done += count) count = file.read(bytes.subarray(done), done);
      return { bytes, value: this.#parsed(bytes.subarray(0, done), what) };
    } finally {
      file.close();
    }
  }

  /** A manifest, an index or a config. @throws VarveError SOURCE_INVALID. */
  async json(descriptor: Descriptor, what: string): Promise<Document> {
    if (descriptor.size > LARGEST_DOCUMENT_BYTES) throw this.#tooLarge(what, descriptor.size);
    const pieces: Uint8Array[] = [];
    for await (const piece of this.bytes(descriptor, what)) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    return { bytes, value: this.#parsed(bytes, what) };
  }

  /** A blob's bytes. Each piece is valid until the next. @throws VarveError SOURCE_INVALID at its end when they are not what the descriptor says. */
  async *bytes({ algorithm, hex, size }: Descriptor, what: string): AsyncGenerator<Uint8Array> {
    const file = this.#open(what, `blobs/${algorithm}/${hex}`);
    try {
      if (file.size !== size) throw layoutFault(this.#directory, `${what} has ${file.size} bytes, expected ${size}`, file.path);
      const hash: Hash = createHash(algorithm);
      for (let left = size; left > 0;) {
        if (isTurnDue()) await yieldToSignals();
        // A new one each time: a decompressor may hold on to it.
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left));
        const count = file.read(piece, size - left);
        if (count === 0) throw layoutFault(this.#directory, `${what} became shorter while it was read`, file.path);
        left -= count;
        hash.update(piece.subarray(0, count));
        yield piece.subarray(0, count);
      }
      if (hash.digest("hex") !== hex)
        throw layoutFault(this.#directory, `${what} has not the digest that its name says`, file.path);
      this.#checked.add(hex);
    } finally {
      file.close();
    }
  }

  /** For after `bytes`, whose reader may not have wanted the last ones. @throws VarveError SOURCE_INVALID. */
  async requireChecked(descriptor: Descriptor, what: string): Promise<void> {
    if (this.#checked.has(descriptor.hex)) return;
    for await (const _ of this.bytes(descriptor, what));
  }

  #open(what: string, name: string): ImageFile {
    try {
      return this.#files.open(name);
    } catch (error) {
      throw this.#failure(what, error, `${this.#directory}/${name}`);
    }
  }

  #tooLarge(what: string, size: number): VarveError {
    return layoutFault(this.#directory, `${what} has ${size} bytes, expected at most ${LARGEST_DOCUMENT_BYTES}`);
  }

  #parsed(bytes: Buffer, what: string): unknown {
    try {
      return parseStrictJson(bytes);
    } catch (error) {
      throw new VarveError(
        "SOURCE_INVALID",
        `Cannot read the image: ${what} is no JSON that can be relied on: ${(error as Error).message}`,
        {
          path: this.#directory,
          cause: error,
        },
      );
    }
  }

  #failure(what: string, error: unknown, file?: string): unknown {
    const errno = errnoOf(error);
    if (errno === undefined) return error;
    if (errno === "EACCES" || errno === "EPERM") {
      return new VarveError("SOURCE_UNREADABLE", `Cannot read the image: ${what} may not be read`, {
        path: file ?? this.#directory,
        hint: "Run the command as a user who may read it, such as root.",
        cause: error,
      });
    }
    const states: Readonly<Record<string, string>> = {
      ENOENT: `${what} is missing`,
      ENOTDIR: `${what} is missing`,
      ELOOP: `${what} is a symbolic link, expected a file`,
      EFTYPE: `${what} is no regular file`,
    };
    return layoutFault(this.#directory, states[errno] ?? `${what} can't be read (${errno})`, file);
  }
}

export function layoutFault(directory: string, state: string, file: string = directory): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the image: ${state}`, {
    path: file,
    hint: "It is damaged or was made to do harm. Make it again, or take it from its source again.",
  });
}
