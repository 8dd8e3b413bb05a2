import type { Inode } from "./layer-image.js";

/** How often the leaves of an image are named, beside how often their inodes say. */
export class NameCounts {
  /** A bit for each nid: a name was met. */
  readonly #met: Uint8Array;
  /** Of inodes with two names or more: how many were met. */
  readonly #linked = new Map<number, number>();

  /** @param nids How many there may be. */
  constructor(nids: number) {
    this.#met = new Uint8Array(Math.ceil(nids / 8));
  }

  /** @returns Whether the inode says that it has so many names. */
  add({ nid, links }: Inode): boolean {
    if (links > 1) {
      const count = (this.#linked.get(nid) ?? 0) + 1;
      this.#linked.set(nid, count);
      return count <= links;
    }
    const bit = 1 << (nid & 7);
    const before = this.#met[nid >> 3] ?? 0;
    this.#met[nid >> 3] = before | bit;
    return (before & bit) === 0;
  }

  /** Inodes of two names or more, with the number of names that were met. */
  linked(): Iterable<readonly [nid: number, names: number]> {
    return this.#linked;
  }
}
