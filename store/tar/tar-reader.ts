import { byteStringOf, type ByteString } from "../../core/model/byte-string.js";
import { isChecksumRight, isZero, readHeaderBlock, readNumber, type HeaderBlock } from "./header-block.js";
import { BLOCK, MAX_HOLE_BYTES, MAX_LONG_NAME_BYTES, MAX_PAX_BYTES, MAX_SPARSE_PIECES } from "./limits.js";
import { parsePaxRecords, type PaxRecord } from "./pax-records.js";
import { checkSparseMap, readOldSparsePieces, SparseMapReader, type SparsePiece } from "./sparse-map.js";
import { entryName, GLOBAL_KEYWORDS, resolveEntry, type ResolvedEntry, type TarEntry } from "./tar-entry.js";
import { tarFault, type Fail } from "./tar-fault.js";

/** What a reader tells, in the archive's order. All calls are synchronous: a million entries cost no promise. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** Bytes of the file last told, in order. They are the handler's until it returns. */
  data(bytes: Uint8Array): void;
  /** Zeros of a sparse file. */
  hole(length: number): void;
  /** The file's body is complete. Comes for every entry of type file, and for no other. */
  fileEnd(): void;
  /** @param entry The path that it is about; absent when it is about the archive. */
  warn(note: string, entry?: ByteString): void;
}

/** Takes `length` bytes in one piece once they have come. */
type Step = (bytes: Buffer) => void;

const NOTHING: readonly PaxRecord[] = [];
const LONG = "its long name";

/**
 * Reads a tar that is pushed piece by piece: v7, ustar, star, GNU and PAX headers, long names, all of GNU's sparse forms.
 * Holds one header and never a body. Errors are VarveError SOURCE_INVALID, named after the entry; the reader is of no use then.
 *
 * - Extended headers and long names belong to the next entry that is a file, directory, link, device or FIFO.
 * - The archive ends at the first block of zeros. What follows is read through, not looked at: a second archive is told of.
 */
export class TarReader {
  readonly #handler: TarHandler;
  #step: Step;
  #wanted = BLOCK;
  /** Bytes of the step that came with earlier pieces. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  #bodyLeft = 0;
  #paddingLeft = 0;
  #state: "blocks" | "body" | "after the end" = "blocks";

  #label: ByteString | undefined;
  #records: readonly PaxRecord[] | undefined;
  #longName: ByteString | undefined;
  #longLink: ByteString | undefined;
  #defaults: readonly PaxRecord[] = NOTHING;
  #entries = 0;
  #blocksSeen = 0;

  #isFile = false;
  #pieces: readonly SparsePiece[] | undefined;
  #piece = 0;
  #position = 0;
  #size = 0;
  #holeBytes = 0;
  #trailing: "nothing" | "zeros" | "data" = "nothing";

  readonly #fail: Fail = (problem, hint) => {
    throw tarFault(this.#label, problem, hint);
  };
  readonly #warn = (note: string): void => this.#handler.warn(note, this.#label);
  readonly #onHeader: Step = (block) => this.#header(block);

  constructor(handler: TarHandler) {
    this.#handler = handler;
    this.#step = this.#onHeader;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "blocks") at = this.#collect(bytes, at);
      else if (this.#state === "body") at = this.#body(bytes, at);
      else {
        this.#afterEnd(bytes.subarray(at));
        return;
      }
    }
  }

  /** After the last piece. */
  finish(): void {
    if (this.#state === "after the end") {
      if (this.#trailing === "data")
        this.#handler.warn("what follows the archive's end was not read; it may be a second archive");
      return;
    }
    const isAtHeader = this.#state === "blocks" && this.#step === this.#onHeader && this.#paddingLeft === 0;
    const rest = this.#partial?.subarray(0, this.#partialLength) ?? Buffer.alloc(0);
    if (!isAtHeader || !isZero(rest) || this.#blocksSeen === 0) {
      this.#fail(
        this.#blocksSeen === 0 && rest.length === 0 ? "it is empty, expected a tar" : "it ends too early",
        "The file or stream is cut off. Take it from its source again.",
      );
    }
    this.#checkNoneWaits();
    this.#handler.warn("the archive has no end mark; it may be cut off between two entries");
  }

  #expect(length: number, step: Step): void {
    this.#state = "blocks";
    this.#wanted = length;
    this.#step = step;
  }

  #collect(bytes: Buffer, at: number): number {
    if (this.#paddingLeft > 0) {
      const skipped = Math.min(this.#paddingLeft, bytes.length - at);
      this.#paddingLeft -= skipped;
      return at + skipped;
    }
    if (this.#partialLength === 0 && bytes.length - at >= this.#wanted) {
      const end = at + this.#wanted;
      this.#step(bytes.subarray(at, end));
      return end;
    }
    // Grows with what came, so that a length alone costs no memory.
    const taken = Math.min(this.#wanted - this.#partialLength, bytes.length - at);
    this.#keep(bytes.subarray(at, at + taken));
    if (this.#partialLength === this.#wanted) {
      const whole = this.#partial?.subarray(0, this.#wanted) ?? bytes;
      this.#partial = undefined;
      this.#partialLength = 0;
      this.#step(whole);
    }
    return at + taken;
  }

  #keep(bytes: Buffer): void {
    const needed = this.#partialLength + bytes.length;
    if (this.#partial === undefined || this.#partial.length < needed) {
      const grown = Buffer.alloc(Math.min(this.#wanted, Math.max(needed, 2 * this.#partialLength, BLOCK)));
      this.#partial?.copy(grown, 0, 0, this.#partialLength);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#partialLength);
    this.#partialLength = needed;
  }

  #header(block: Buffer): void {
    this.#blocksSeen += 1;
    if (block[0] === 0 && isZero(block)) {
      this.#checkNoneWaits();
      this.#state = "after the end";
      return;
    }
    if (!isChecksumRight(block)) this.#notAHeader();
    const header = readHeaderBlock(block);
    switch (header.typeflag) {
      case "x": {
        this.#meta(header, MAX_PAX_BYTES, (body) => this.#extended(body, header));
        return;
      }
      case "g": {
        this.#meta(header, MAX_PAX_BYTES, (body) => this.#global(body));
        return;
      }
      case "L": {
        this.#meta(header, MAX_LONG_NAME_BYTES, (body) => (this.#longName = this.#cString(body)));
        return;
      }
      case "K": {
        this.#meta(header, MAX_LONG_NAME_BYTES, (body) => (this.#longLink = this.#cString(body)));
        return;
      }
      case "V": {
        this.#skipLabel(header);
        return;
      }
      default: {
        this.#entry(header, block);
        return;
      }
    }
  }

  #notAHeader(): never {
    if (this.#entries > 0 || this.#records !== undefined) return this.#fail("the header after it has a wrong checksum");
    const hint = "Give a tar, plain or compressed with gzip, zstd, xz or bzip2.";
    return this.#fail("its first header has a wrong checksum, expected a tar", hint);
  }

  /** Reads the body of a header that speaks of other headers. Its size is its own field's: no extended header counts for it. */
  #meta({ size, name, typeflag }: HeaderBlock, limit: number, take: (body: Buffer) => void): void {
    if (this.#records === undefined && this.#longName === undefined) this.#label = name;
    if (!(size >= 0 && size <= limit)) this.#fail(`a header of type ${typeflag} has ${size} bytes, expected at most ${limit}`);
    const padded = size + padding(size);
    const step: Step = (body) => {
      this.#expect(BLOCK, this.#onHeader);
      take(body.subarray(0, size));
    };
    if (padded === 0) step(Buffer.alloc(0));
    else this.#expect(padded, step);
  }

  #extended(body: Buffer, header: HeaderBlock): void {
    if (this.#records !== undefined) this.#warn("of two extended headers before it the first was passed over");
    // A copy: the bytes belong to the piece that was pushed.
    this.#records = parsePaxRecords(Buffer.from(body), this.#fail);
    this.#label = entryName(header, this.#prelude());
  }

  #global(body: Buffer): void {
    const records = parsePaxRecords(Buffer.from(body), this.#fail);
    const ignored = records.filter(({ key }) => !GLOBAL_KEYWORDS.has(key) && key !== "comment");
    for (const key of new Set(ignored.map((record) => record.key))) {
      this.#handler.warn(`a global header's "${key.slice(0, 60)}" can't be every entry's, and was passed over`);
    }
    const heeded = records.filter(({ key }) => GLOBAL_KEYWORDS.has(key));
    const keys = new Set(heeded.map((record) => record.key));
    this.#defaults = [...this.#defaults.filter(({ key }) => !keys.has(key)), ...heeded];
  }

  #cString(body: Buffer): ByteString {
    const nul = body.indexOf(0);
    const name = byteStringOf(nul === -1 ? body : body.subarray(0, nul));
    if (name === "") this.#fail(`${LONG} is empty`);
    return name;
  }

  #skipLabel(header: HeaderBlock): void {
    this.#label = header.name;
    if (!(header.size >= 0 && header.size <= MAX_LONG_NAME_BYTES)) this.#fail("its size is negative, too large or no number");
    this.#paddingLeft = header.size + padding(header.size);
  }

  #prelude(): {
    records: readonly PaxRecord[];
    defaults: readonly PaxRecord[];
    longName: ByteString | undefined;
    longLink: ByteString | undefined;
  } {
    return {
      records: this.#records ?? NOTHING,
      defaults: this.#defaults,
      longName: this.#longName,
      longLink: this.#longLink,
    };
  }

  #entry(header: HeaderBlock, block: Buffer): void {
    const prelude = this.#prelude();
    this.#label = entryName(header, prelude);
    const resolved = resolveEntry(header, prelude, this.#fail, this.#warn);
    this.#records = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#entries += 1;
    this.#paddingLeft = 0;
    if (header.typeflag === "S") {
      this.#oldSparse(resolved, block);
      return;
    }
    if (resolved.sparse !== undefined && resolved.sparse.map === undefined) {
      this.#sparseMapInBody(resolved, resolved.sparse.size);
      return;
    }
    const map = resolved.sparse?.map;
    if (map !== undefined) checkSparseMap(map, resolved.entry.size, resolved.bodySize, this.#fail);
    this.#startBody(resolved.entry, resolved.bodySize, resolved.bodySize, map);
  }

  /** GNU's old form: the map begins in the header, and goes on in blocks of its own that the size does not count. */
  #oldSparse({ entry, bodySize }: ResolvedEntry, block: Buffer): void {
    const size = readNumber(block, 483, 12);
    if (!(size >= 0)) this.#fail("its real size is negative, too large or no number");
    const pieces = readOldSparsePieces(block, 386, 4, this.#fail);
    const start = (): void => {
      checkSparseMap(pieces, size, bodySize, this.#fail);
      this.#startBody({ ...entry, size }, bodySize, bodySize, pieces);
    };
    const extension: Step = (more) => {
      for (const piece of readOldSparsePieces(more, 0, 21, this.#fail)) pieces.push(piece);
      if (pieces.length > MAX_SPARSE_PIECES) this.#fail(`its sparse map has more than ${MAX_SPARSE_PIECES} pieces`);
      if (more[504] === 0) start();
    };
    if (block[482] === 0) start();
    else this.#expect(BLOCK, extension);
  }

  #sparseMapInBody({ entry, bodySize }: ResolvedEntry, size: number): void {
    const reader = new SparseMapReader(this.#fail);
    let stored = bodySize;
    this.#expect(BLOCK, (block) => {
      stored -= BLOCK;
      if (stored < 0) this.#fail("its sparse map reaches beyond its body");
      const map = reader.push(block);
      if (map === undefined) return;
      checkSparseMap(map, size, stored, this.#fail);
      this.#startBody(entry, stored, stored, map);
    });
  }

  #startBody(entry: TarEntry, left: number, stored: number, map: readonly SparsePiece[] | undefined): void {
    this.#isFile = entry.type === "file";
    this.#bodyLeft = left;
    this.#pieces = map;
    this.#piece = 0;
    this.#position = 0;
    this.#size = entry.size;
    this.#expect(BLOCK, this.#onHeader);
    if (map !== undefined) this.#countHoles(entry.size - stored);
    this.#handler.entry(entry);
    if (this.#bodyLeft === 0) {
      this.#endBody();
      return;
    }
    this.#paddingLeft = padding(left);
    this.#state = "body";
  }

  #countHoles(length: number): void {
    this.#holeBytes += length;
    if (this.#holeBytes <= MAX_HOLE_BYTES) return;
    this.#fail(
      `the archive's sparse files have more than ${MAX_HOLE_BYTES} bytes of holes`,
      "Each of those bytes has to be hashed. Leave the file out of the archive, or make it shorter.",
    );
  }

  #body(bytes: Buffer, at: number): number {
    let length = Math.min(this.#bodyLeft, bytes.length - at);
    if (this.#pieces !== undefined) {
      this.#holeBeforePiece();
      const { offset, length: whole } = this.#pieces[this.#piece] ?? { offset: 0, length: 0 };
      length = Math.min(length, offset + whole - this.#position);
      this.#position += length;
      if (this.#position === offset + whole) this.#piece += 1;
    }
    if (this.#isFile) this.#handler.data(bytes.subarray(at, at + length));
    this.#bodyLeft -= length;
    if (this.#bodyLeft === 0) this.#endBody();
    return at + length;
  }

  #holeBeforePiece(): void {
    const offset = this.#pieces?.[this.#piece]?.offset ?? this.#size;
    if (offset > this.#position) {
      this.#handler.hole(offset - this.#position);
      this.#position = offset;
    }
  }

  #endBody(): void {
    this.#expect(BLOCK, this.#onHeader);
    if (!this.#isFile) return;
    if (this.#pieces !== undefined && this.#position < this.#size) this.#handler.hole(this.#size - this.#position);
    this.#pieces = undefined;
    this.#handler.fileEnd();
  }

  #checkNoneWaits(): void {
    if (this.#records === undefined && this.#longName === undefined && this.#longLink === undefined) return;
    this.#fail("the archive ends after its extended header, expected the entry itself");
  }

  #afterEnd(bytes: Buffer): void {
    if (this.#trailing !== "data") this.#trailing = isZero(bytes) ? "zeros" : "data";
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Reads a whole stream of plain tar. @param witness Told before and after each chunk of it. */
export async function readTar(
  stream: AsyncIterable<Uint8Array>,
  handler: TarHandler,
  witness?: { begin(chunk: Uint8Array): void; end(): void },
): Promise<void> {
  const reader = new TarReader(handler);
  for await (const chunk of stream) {
    witness?.begin(chunk);
    reader.push(chunk);
    witness?.end();
  }
  reader.finish();
}
