import { closeSync, fstatSync, type BigIntStats } from "node:fs";
import path from "node:path";
import { LRUCache } from "lru-cache";
import { openRegularFile } from "../../linux/regular-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { layerCorrupt } from "./layer-corrupt.js";
import { readAt } from "./write-at.js";

/** Fewer than the usual limit of 1,024, however long the chain. */
const OPEN_FILES = 256;
/** Metadata is read and kept in pages of at most this length. */
export const PAGE_BYTES: number = 64 << 10;
/** 16 MiB: so many pages of large layers, or thousands of small ones whole. */
const USUAL_PAGES = 256;
/** Pages of an image have keys below this; 16 TiB are 2^28 pages. */
const PAGES_PER_IMAGE = 2 ** 29;
const NOTHING = Buffer.alloc(0);

/** A piece of metadata. It is empty once it is kept no more: its room was given to another one. */
export interface Page {
  bytes: Buffer;
}

/** Image files read at any position, through one bounded set of file descriptors and one of pages of metadata. */
export class ImageFiles {
  readonly #files = new LRUCache<string, number>({ max: OPEN_FILES, dispose: (fd) => closeSync(fd) });
  readonly #pages: LRUCache<number, Page>;
  /** Rooms of whole pages, to be filled again. */
  readonly #free: Buffer[] = [];
  #closed = false;

  /** @param pages How many whole ones are kept at most. */
  constructor(pages: number = USUAL_PAGES) {
    this.#pages = new LRUCache<number, Page>({
      maxSize: pages * PAGE_BYTES,
      sizeCalculation: ({ bytes }) => bytes.length,
      dispose: (page) => this.#forget(page),
    });
  }

  /** Length in bytes; `undefined` for what is no regular file. */
  length(file: string): number | undefined {
    const stat = fstatSync(this.#descriptor(file));
    return stat.isFile() ? stat.size : undefined;
  }

  stat(file: string): BigIntStats {
    return fstatSync(this.#descriptor(file), { bigint: true });
  }

  /** @returns Bytes read: fewer only at the end of the file. */
  read(file: string, buffer: Uint8Array, position: number): number {
    try {
      return readAt(this.#descriptor(file), buffer, position);
    } catch (error) {
      throw systemFailure("read a layer", error, file);
    }
  }

  /** The page. @param length Its own; @param fill Fills it, unless it is there already. */
  page(image: number, page: number, length: number, fill: (bytes: Buffer) => void): Page {
    const key = image * PAGES_PER_IMAGE + page;
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const bytes = (length === PAGE_BYTES ? this.#free.pop() : undefined) ?? Buffer.allocUnsafeSlow(length);
    fill(bytes);
    const made = { bytes };
    this.#pages.set(key, made);
    return made;
  }

  close(): void {
    this.#closed = true;
    this.#files.clear();
    this.#pages.clear();
    this.#free.length = 0;
  }

  #forget(page: Page): void {
    if (page.bytes.length === PAGE_BYTES) this.#free.push(page.bytes);
    page.bytes = NOTHING;
  }

  #descriptor(file: string): number {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    if (this.#closed) throw new TypeError("A tree was read after it was closed");
    try {
      const fd = openRegularFile(file);
      this.#files.set(file, fd);
      return fd;
    } catch (error) {
      const errno = errnoOf(error) ?? "";
      if (errno === "ENOENT") throw layerCorrupt(path.basename(file), "it is missing", file, error);
      if (["EFTYPE", "ELOOP", "ENXIO"].includes(errno))
        throw layerCorrupt(path.basename(file), "it is no regular file", file, error);
      throw systemFailure("open a layer", error, file);
    }
  }
}
