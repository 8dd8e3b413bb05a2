import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { openRegularFile, readRegularFile } from "../../linux/regular-file.js";
import { errnoOf } from "../system-failure.js";
import { type Descriptor } from "./descriptor.js";

const PIECE_BYTES = 1 << 18;
/** What the specification suggests for manifests, of indexes and configs too. */
const LARGEST_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** The files of an OCI layout, each checked against the descriptor that led to it. @see image-layout.md of the OCI image specification */
export class LayoutBlobs {
  readonly #directory: string;
  readonly #checked = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `oci-layout` or `index.json`. @throws VarveError SOURCE_INVALID. */
  document(name: "oci-layout" | "index.json"): unknown {
    const file = path.join(this.#directory, name);
    try {
      return parseJson(readRegularFile(file, { largest: LARGEST_DOCUMENT_BYTES }), `its ${name}`);
    } catch (error) {
      throw this.#failure(`its ${name}`, error, file);
    }
  }

  /** A manifest, an index or a config. @throws VarveError SOURCE_INVALID. */
  async json(descriptor: Descriptor, what: string): Promise<unknown> {
    if (descriptor.size > LARGEST_DOCUMENT_BYTES) {
      throw layoutFault(this.#directory, `${what} has ${descriptor.size} bytes, expected at most ${LARGEST_DOCUMENT_BYTES}`);
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of this.bytes(descriptor, what)) pieces.push(Uint8Array.from(piece));
    try {
      return parseJson(Buffer.concat(pieces), what);
    } catch (error) {
      throw this.#failure(what, error);
    }
  }

  /** A blob's bytes. Each piece is valid until the next. @throws VarveError SOURCE_INVALID at its end when they are not what the descriptor says. */
  async *bytes({ algorithm, hex, size }: Descriptor, what: string): AsyncGenerator<Uint8Array> {
    const file = path.join(this.#directory, "blobs", algorithm, hex);
    const fd = this.#open(what, file);
    try {
      const found = fstatSync(fd).size;
      if (found !== size) throw layoutFault(this.#directory, `${what} has ${found} bytes, expected ${size}`, file);
      const hash: Hash = createHash(algorithm);
      for (let left = size; left > 0;) {
        if (isTurnDue()) await yieldToSignals();
        // A new one each time: a decompressor may hold on to it.
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left));
        const count = readSync(fd, piece, 0, piece.length, size - left);
        if (count === 0) throw layoutFault(this.#directory, `${what} became shorter while it was read`, file);
        left -= count;
        hash.update(piece.subarray(0, count));
        yield piece.subarray(0, count);
      }
      if (hash.digest("hex") !== hex) throw layoutFault(this.#directory, `${what} has not the digest that its name says`, file);
      this.#checked.add(hex);
    } finally {
      closeSync(fd);
    }
  }

  /** For after `bytes`, whose reader may not have wanted the last ones. @throws VarveError SOURCE_INVALID. */
  async requireChecked(descriptor: Descriptor, what: string): Promise<void> {
    if (this.#checked.has(descriptor.hex)) return;
    for await (const _ of this.bytes(descriptor, what));
  }

  #open(what: string, file: string): number {
    try {
      return openRegularFile(file, constants.O_NOFOLLOW);
    } catch (error) {
      throw this.#failure(what, error, file);
    }
  }

  #failure(what: string, error: unknown, file?: string): unknown {
    const errno = errnoOf(error);
    if (errno === undefined) return error;
    if (errno === "EACCES" || errno === "EPERM") {
      return new VarveError("SOURCE_UNREADABLE", `Cannot read the OCI layout: ${what} may not be read`, {
        path: file ?? this.#directory,
        hint: "Run the command as a user who may read it, such as root.",
        cause: error,
      });
    }
    const states: Readonly<Record<string, string>> = {
      ENOENT: `${what} is missing`,
      ENOTDIR: `${what} is missing`,
      EFBIG: `${what} is larger than ${LARGEST_DOCUMENT_BYTES} bytes`,
      ELOOP: `${what} is a symbolic link, expected a file`,
      EFTYPE: `${what} is no regular file`,
    };
    return layoutFault(this.#directory, states[errno] ?? `${what} can't be read (${errno})`, file);
  }
}

function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new VarveError("SOURCE_INVALID", `Cannot read the OCI layout: ${what} is no JSON`, { cause: error });
  }
}

export function layoutFault(directory: string, state: string, file: string = directory): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the OCI layout: ${state}`, {
    path: file,
    hint: "The layout is damaged or was made to do harm. Make it again, or take it from its source again.",
  });
}
