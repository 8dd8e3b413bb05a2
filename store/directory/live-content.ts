import { createHash, hash } from "node:crypto";
import type { ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { ContentReader, Extent, FileContent, ReadAheadContent, StoredContent } from "../../core/model/tree.js";
import { atOnce, type Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { fileExtents } from "../../linux/file-holes.js";
import { closeDescriptor, OPEN_FILE, openAt } from "../../linux/open-at.js";
import { FileStat, statDescriptor } from "../../linux/stat.js";
import type { LiveDirectory } from "./live-directory.js";
import { readFully } from "./read-fully.js";
import { sourceChanged, sourceFailure, sourceTooShort } from "./source-failure.js";
import { MAY_HAVE_HOLES, WORD } from "./stat-table.js";

const STAT = new FileStat();
const PIECE = 1 << 20;
let pieces: Buffer | undefined;

/** What is known of a content beside its own file. */
export interface FormerContent {
  /** Where a layer has it, for certain. */
  readonly stored?: StoredContent | undefined;
  /** FileContent.likelyAt. */
  readonly likelyAt?: () => readonly ByteString[];
}

/**
 * The content of a regular file in a live directory. Each opening checks that it still is the file that was seen. Where it is not, its row is
 * looked at again: a caller who asks the directory for this name once more gets what stands there now.
 */
export class LiveContent implements FileContent {
  readonly #live: LiveDirectory;
  readonly #row: number;
  readonly #looks: number;
  readonly #former: FormerContent | undefined;

  /** @param looks When it was seen: content of another time is not its own. */
  constructor(live: LiveDirectory, row: number, looks: number, former?: FormerContent) {
    this.#live = live;
    this.#row = row;
    this.#looks = looks;
    this.#former = former;
  }

  get size(): number {
    return this.#live.table.unsigned64(this.#row, WORD.size);
  }

  get knownDigest(): ContentDigest | undefined {
    return this.#isOutdated ? undefined : (this.#live.table.digest(this.#row) as ContentDigest | undefined);
  }

  get #isOutdated(): boolean {
    return this.#live.looks(this.#row) !== this.#looks;
  }

  get stored(): StoredContent | undefined {
    return this.#isOutdated ? undefined : this.#former?.stored;
  }

  likelyAt(): readonly ByteString[] {
    return this.#former?.likelyAt?.() ?? [];
  }

  digest(): ContentDigest {
    return this.knownDigest ?? atOnce(this.digestInTurns());
  }

  *digestInTurns(): Turns<ContentDigest> {
    const reader = this.open();
    try {
      const digest = yield* hashInTurns(reader, this.size);
      reader.verify();
      this.#live.table.setDigest(this.#row, digest);
      return digest;
    } finally {
      reader.close();
    }
  }

  *extents(): Iterable<Extent> {
    const { size } = this;
    if (size === 0) return;
    if (!this.#live.table.hasFlag(this.#row, MAY_HAVE_HOLES)) {
      yield { offset: 0, length: size, kind: "data" };
      return;
    }
    const reader = this.open();
    try {
      yield* fileExtents(reader.descriptor, size);
    } catch (error) {
      throw sourceFailure(error, this.#live.placeOf(this.#row));
    } finally {
      reader.close();
    }
  }

  readAhead(): ReadAheadContent | undefined {
    return this.#isOutdated ? undefined : this.#live.ahead?.take(this.#row);
  }

  open(): LiveReader {
    const { table } = this.#live;
    const name = table.names[this.#row]!;
    let descriptor: number;
    if (this.#isOutdated) throw sourceChanged(this.#live.placeOf(this.#row));
    try {
      descriptor = openAt(this.#live.openParent(this.#row), name, OPEN_FILE);
    } catch (error) {
      this.#live.lookAgain(this.#row);
      throw sourceFailure(error, this.#live.placeOf(this.#row));
    }
    const reader = new LiveReader(this.#live, this.#row, descriptor);
    try {
      reader.verify();
      return reader;
    } catch (error) {
      reader.close();
      throw error;
    }
  }
}

class LiveReader implements ContentReader {
  readonly descriptor: number;
  readonly #live: LiveDirectory;
  readonly #row: number;
  #open = true;

  constructor(live: LiveDirectory, row: number, descriptor: number) {
    this.#live = live;
    this.#row = row;
    this.descriptor = descriptor;
  }

  read(buffer: Uint8Array, position: number): number {
    let done: number;
    try {
      done = readFully(this.descriptor, buffer, position);
    } catch (error) {
      throw sourceFailure(error, this.#live.placeOf(this.#row));
    }
    if (done < buffer.length) this.#checkEnd(position + done);
    return done;
  }

  /** @throws VarveError SOURCE_CHANGED when the file ends before its size. */
  #checkEnd(end: number): void {
    const size = this.#live.table.unsigned64(this.#row, WORD.size);
    if (end >= size) return;
    this.#live.lookAgain(this.#row);
    throw sourceTooShort(this.#live.placeOf(this.#row), size);
  }

  verify(): void {
    if (!this.#live.table.isUnchanged(this.#row, statDescriptor(this.descriptor, STAT))) {
      this.#live.lookAgain(this.#row);
      throw sourceChanged(this.#live.placeOf(this.#row));
    }
  }

  close(): void {
    if (this.#open) closeDescriptor(this.descriptor);
    this.#open = false;
  }
}

/** SHA-256 of `size` bytes. */
export function digestOf(reader: ContentReader, size: number): ContentDigest {
  return atOnce(hashInTurns(reader, size));
}

/** One call for a small file: making a hash object costs more than hashing 1 KiB. */
export function* hashInTurns(reader: ContentReader, size: number): Turns<ContentDigest> {
  const buffer = (pieces ??= Buffer.allocUnsafeSlow(PIECE));
  if (size <= PIECE) return hash("sha256", buffer.subarray(0, reader.read(buffer.subarray(0, size), 0)), "hex") as ContentDigest;
  const whole = createHash("sha256");
  for (let position = 0; position < size;) {
    const count = reader.read(buffer.subarray(0, Math.min(PIECE, size - position)), position);
    if (count === 0) break;
    whole.update(buffer.subarray(0, count));
    position += count;
    if (isTurnDue()) yield;
  }
  return whole.digest("hex") as ContentDigest;
}
