import { fstatSync, readSync } from "node:fs";
import { byteStringOf, type ByteString } from "../../core/model/byte-string.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { splitEntryPath } from "../tar/entry-path.js";
import { isChecksumRight, isZero, readHeaderBlock, type HeaderBlock } from "../tar/header-block.js";
import { BLOCK, MAX_LONG_NAME_BYTES, MAX_PAX_BYTES } from "../tar/limits.js";
import { parsePaxRecords, type PaxRecord } from "../tar/pax-records.js";
import { entryName, resolveEntry } from "../tar/tar-entry.js";
import { tarFault, type Fail } from "../tar/tar-fault.js";

/** Of an archive of images: of one with 1,000 layers some 4,000. */
const MOST_MEMBERS = 100_000;

/** A file within an archive. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

export type ArchiveMember = Member | { readonly linkTo: ByteString };

/**
 * Where the files of a plain tar stand, by path without a slash or `./` in front. Bodies are passed over, so that this takes as long for an image of
 * ten gigabytes as for a small one. Directories, and entries that are no files, are left out; symlinks are told of.
 *
 * @throws VarveError SOURCE_INVALID, also for a path that stands there twice: two readers might take different ones.
 */
export async function archiveMembers(fd: number): Promise<ReadonlyMap<string, ArchiveMember>> {
  const members = new Map<string, ArchiveMember>();
  const end = fstatSync(fd).size;
  const walk = new HeaderWalk(fd, end);
  for (let found = walk.next(); found !== undefined; found = walk.next()) {
    if (isTurnDue()) await yieldToSignals();
    const { path, member } = found;
    if (member === undefined) continue;
    const name = splitEntryPath(path, "its path", walk.fail).join("/");
    if (members.has(name)) walk.fail("it stands there twice");
    if (members.size >= MOST_MEMBERS) walk.fail(`it is one of more than ${MOST_MEMBERS} files, expected an archive of images`);
    members.set(name, member);
  }
  return members;
}

interface Found {
  readonly path: ByteString;
  readonly member: ArchiveMember | undefined;
}

class HeaderWalk {
  readonly #fd: number;
  readonly #end: number;
  #at = 0;
  #label: ByteString | undefined;

  readonly fail: Fail = (problem, hint) => {
    throw tarFault(this.#label, problem, hint);
  };

  constructor(fd: number, end: number) {
    this.#fd = fd;
    this.#end = end;
  }

  next(): Found | undefined {
    let records: readonly PaxRecord[] = [];
    let longName: ByteString | undefined;
    let longLink: ByteString | undefined;
    for (;;) {
      const block = this.#header();
      if (block === undefined) return undefined;
      const header = readHeaderBlock(block);
      if (header.typeflag === "x") records = parsePaxRecords(this.#meta(header, MAX_PAX_BYTES), this.fail);
      else if (header.typeflag === "L") longName = cString(this.#meta(header, MAX_LONG_NAME_BYTES));
      else if (header.typeflag === "K") longLink = cString(this.#meta(header, MAX_LONG_NAME_BYTES));
      else if (header.typeflag === "g" || header.typeflag === "V") this.#meta(header, MAX_PAX_BYTES);
      else {
        const prelude = { records, defaults: [], longName, longLink };
        this.#label = entryName(header, prelude);
        const { entry, bodySize, sparse } = resolveEntry(header, prelude, this.fail, () => undefined);
        if (sparse !== undefined || header.typeflag === "S")
          this.fail("it is sparse, expected whole files in an archive of images");
        const offset = this.#at;
        this.#pass(bodySize);
        if (entry.type === "file") return { path: entry.path, member: { offset, size: bodySize } };
        if (entry.type === "symlink") return { path: entry.path, member: { linkTo: entry.linkPath } };
        if (entry.type === "hardlink") this.fail("it is a hardlink, expected a file");
        return { path: entry.path, member: undefined };
      }
    }
  }

  /** @returns `undefined` at the end. */
  #header(): Buffer | undefined {
    if (this.#at >= this.#end) return this.#at === 0 ? this.fail("it is empty, expected a tar") : undefined;
    const block = this.#read(BLOCK);
    this.#at += BLOCK;
    if (isZero(block)) return undefined;
    if (!isChecksumRight(block)) this.fail("a header has a wrong checksum, expected a tar");
    return block;
  }

  #meta({ size, typeflag }: HeaderBlock, limit: number): Buffer {
    if (!(size >= 0 && size <= limit)) this.fail(`a header of type ${typeflag} has ${size} bytes, expected at most ${limit}`);
    const body = this.#read(size);
    this.#pass(size);
    return body;
  }

  #pass(bytes: number): void {
    this.#at += Math.ceil(bytes / BLOCK) * BLOCK;
    if (this.#at - BLOCK >= this.#end || this.#at > this.#end)
      this.fail("it ends too early", "The archive is cut off. Take it from its source again.");
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.#fd, bytes, done, length - done, this.#at + done);
      if (count === 0) this.fail("it ends too early", "The archive is cut off. Take it from its source again.");
      done += count;
    }
    return bytes;
  }
}

function cString(body: Buffer): ByteString {
  const nul = body.indexOf(0);
  return byteStringOf(nul === -1 ? body : body.subarray(0, nul));
}
