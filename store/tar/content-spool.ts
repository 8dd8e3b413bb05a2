import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { ContentReader, Extent, StoredContent } from "../../core/model/tree.js";
import type { ContentSink } from "../../core/ports/layer-store.js";
import { VarveError } from "../../core/errors.js";
import { systemFailure } from "../system-failure.js";

/** A run of data: where in the content, and where in the file. Between runs are holes. */
interface SpooledRun {
  readonly offset: number;
  readonly position: number;
  length: number;
}

class SpooledContent implements StoredContent {
  readonly layers: readonly LayerId[] = [];
  readonly digest: ContentDigest;
  readonly size: number;
  readonly runs: readonly SpooledRun[];

  constructor(digest: ContentDigest, size: number, runs: readonly SpooledRun[]) {
    this.digest = digest;
    this.size = size;
    this.runs = runs;
  }
}

const ZEROS = Buffer.alloc(1 << 20);
const GATHERED_BYTES = 1 << 20;

/**
 * Contents of an archive that is looked at, and not kept: each once, in a file that has no name any more, so that it is gone when the process
 * ends in whatever way.
 */
export class ContentSpool {
  readonly #fd: number;
  readonly #known = new Map<string, SpooledContent>();
  #pending: Buffer = Buffer.allocUnsafe(GATHERED_BYTES);
  #pendingBytes = 0;
  /** What the file holds, without what is pending. */
  #written = 0;
  #open = true;

  /** @param file A path that nobody uses. @throws VarveError PERMISSION, DISK_FULL. */
  constructor(file: string) {
    try {
      this.#fd = openSync(file, "wx+", 0o600);
      unlinkSync(file);
    } catch (error) {
      throw systemFailure("make a scratch file", error, file);
    }
  }

  sink(): ContentSink {
    const hash = createHash("sha256");
    const start = this.#end;
    const runs: SpooledRun[] = [];
    let size = 0;
    return {
      write: (bytes) => {
        if (bytes.length === 0) return;
        hash.update(bytes);
        const last = runs.at(-1);
        if (last !== undefined && last.offset + last.length === size) last.length += bytes.length;
        else runs.push({ offset: size, position: this.#end, length: bytes.length });
        this.#append(bytes);
        size += bytes.length;
      },
      hole: (length) => {
        for (let left = length; left > 0; left -= ZEROS.length) hash.update(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
        size += length;
      },
      close: () => {
        const digest = hash.digest("hex") as ContentDigest;
        const known = this.#known.get(digest);
        if (known !== undefined) {
          this.#rewind(start);
          return known;
        }
        const content = new SpooledContent(digest, size, runs);
        this.#known.set(digest, content);
        return content;
      },
    };
  }

  /** The rest of a hole is zeros; so is what was never written. */
  open(stored: StoredContent): ContentReader {
    const { runs, size } = spooled(stored);
    return {
      read: (buffer, position) => this.#read(runs, size, buffer, position),
      verify: () => undefined,
      close: () => undefined,
    };
  }

  *extents(stored: StoredContent): Iterable<Extent> {
    const { runs, size } = spooled(stored);
    let at = 0;
    for (const { offset, length } of runs) {
      if (offset > at) yield { offset: at, length: offset - at, kind: "hole" };
      yield { offset, length, kind: "data" };
      at = offset + length;
    }
    if (size > at) yield { offset: at, length: size - at, kind: "hole" };
  }

  /** May be repeated. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  get #end(): number {
    return this.#written + this.#pendingBytes;
  }

  #append(bytes: Uint8Array): void {
    if (this.#pendingBytes + bytes.length > GATHERED_BYTES) this.#flush();
    if (bytes.length >= GATHERED_BYTES) this.#write(bytes);
    else {
      this.#pending.set(bytes, this.#pendingBytes);
      this.#pendingBytes += bytes.length;
    }
  }

  #flush(): void {
    this.#write(this.#pending.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) {
        const count = writeSync(this.#fd, bytes, done, bytes.length - done, this.#written);
        done += count;
        this.#written += count;
      }
    } catch (error) {
      throw systemFailure("write to a scratch file", error);
    }
  }

  /** What comes next overwrites it. */
  #rewind(end: number): void {
    if (end >= this.#written) this.#pendingBytes = end - this.#written;
    else {
      this.#written = end;
      this.#pendingBytes = 0;
    }
  }

  #read(runs: readonly SpooledRun[], size: number, buffer: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(buffer.length, size - position));
    const wanted = buffer.subarray(0, length);
    wanted.fill(0);
    if (this.#pendingBytes > 0) this.#flush();
    for (let index = firstRunAt(runs, position); index < runs.length; index += 1) {
      const run = runs[index]!;
      const start = Math.max(run.offset, position);
      const end = Math.min(run.offset + run.length, position + length);
      if (start >= position + length) break;
      if (start < end) this.#readRun(wanted.subarray(start - position, end - position), run.position + start - run.offset);
    }
    return length;
  }

  #readRun(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length;) {
      const count = readSync(this.#fd, into, done, into.length - done, position + done);
      if (count === 0) throw new VarveError("IO", "Cannot read a scratch file: it is shorter than what was written to it");
      done += count;
    }
  }
}

function spooled(stored: StoredContent): SpooledContent {
  if (stored instanceof SpooledContent) return stored;
  throw new TypeError("A spool reads what it gave alone");
}

/** The first run that ends after `position`. */
function firstRunAt(runs: readonly SpooledRun[], position: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle]!.offset + runs[middle]!.length <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
