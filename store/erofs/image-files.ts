import { closeSync, constants, fstatSync, openSync, type BigIntStats } from "node:fs";
import path from "node:path";
import { LRUCache } from "lru-cache";
import { errnoOf, systemFailure } from "../system-failure.js";
import { layerCorrupt } from "./layer-corrupt.js";
import { readAt } from "./write-at.js";

/** Fewer than the usual limit of 1,024, however long the chain. */
const OPEN_FILES = 256;
/** Metadata is read and kept in pages of this length. */
export const PAGE_BYTES: number = 64 << 10;
/** 16 MiB. */
const USUAL_PAGES = 256;
/** Pages of an image have keys below this; 16 TiB are 2^28 pages. */
const PAGES_PER_IMAGE = 2 ** 29;
/** Spreads neighbouring images over the pages. */
const IMAGE_STRIDE = 37;

/** A place for one page. It is filled again and again, so whoever holds it must look at `key` before he reads `bytes`. */
export interface Page {
  key: number;
  length: number;
  readonly bytes: Buffer;
}

/** Image files read at any position, through one bounded set of file descriptors and one of pages of metadata. */
export class ImageFiles {
  readonly #files = new LRUCache<string, number>({ max: OPEN_FILES, dispose: (fd) => closeSync(fd) });
  readonly #pages: Page[] = [];
  readonly #places: number;
  #closed = false;

  /** @param pages How many are kept at most. */
  constructor(pages: number = USUAL_PAGES) {
    this.#places = pages;
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

  /** The page, filled by `fill` unless it is there already. @param fill Gets the page's bytes; returns how many there are. */
  page(image: number, page: number, fill: (bytes: Buffer) => number): Page {
    const key = image * PAGES_PER_IMAGE + page;
    const place = (image * IMAGE_STRIDE + page) % this.#places;
    const found = (this.#pages[place] ??= { key: -1, length: 0, bytes: Buffer.allocUnsafeSlow(PAGE_BYTES) });
    if (found.key === key) return found;
    found.key = -1;
    found.length = fill(found.bytes);
    found.key = key;
    return found;
  }

  close(): void {
    this.#closed = true;
    this.#files.clear();
    this.#pages.length = 0;
  }

  #descriptor(file: string): number {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    if (this.#closed) throw new TypeError("A tree was read after it was closed");
    try {
      // Without waiting: a FIFO in an image's place must not stop us.
      const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
      this.#files.set(file, fd);
      return fd;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw systemFailure("open a layer", error, file);
      throw layerCorrupt(path.basename(file), "it is missing", file, error);
    }
  }
}
