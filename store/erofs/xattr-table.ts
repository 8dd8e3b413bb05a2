import type { Xattr } from "../../core/model/entry.js";
import { grown } from "./growing-arrays.js";
import type { SpillArena } from "./spill-arena.js";
import { encodeXattrs, placeShared, type InodeMarks } from "./xattr-body.js";

/** Areas remembered, so that equal ones are kept once: a label that every file has costs nothing. */
const REMEMBERED = 10_000;

/** Encoded xattr areas of the layer being written. Number 0 is the area of an inode without xattrs. */
export class XattrTable {
  readonly #arena: SpillArena;
  readonly #known = new Map<string, number>();
  #count = 1;
  #start = new Float64Array(64);
  #length = new Uint32Array(64);
  /** The shared area, for xattrs that no inode can hold itself. */
  readonly shared: Buffer[] = [];
  sharedBytes = 0;
  /** Whether a file has the entry of the metadata's header. */
  hasMetacopy = false;

  constructor(arena: SpillArena) {
    this.#arena = arena;
  }

  /** @returns The area's number. @throws VarveError UNSUPPORTED. */
  add(xattrs: readonly Xattr[], marks: InodeMarks = {}): number {
    if (xattrs.length === 0 && marks.metacopy !== true && marks.opaque !== true) return 0;
    const { inline, shared } = encodeXattrs(xattrs, this.sharedBytes, marks);
    this.hasMetacopy ||= marks.metacopy === true;
    const key = inline.toString("latin1");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    for (const entry of shared) {
      this.shared.push(entry);
      this.sharedBytes += entry.length;
    }
    const area = this.#count;
    this.#count += 1;
    this.#start = grown(this.#start, this.#count);
    this.#length = grown(this.#length, this.#count);
    this.#start[area] = this.#arena.append(inline);
    this.#length[area] = inline.length;
    if (this.#known.size < REMEMBERED) this.#known.set(key, area);
    return area;
  }

  /** Bytes of an area: a multiple of 4. */
  length(area: number): number {
    return this.#length[area] as number;
  }

  /** @param shared Where the shared area starts, in bytes from the start of the metadata region. */
  copy(area: number, target: Buffer, at: number, shared: number): void {
    if (area === 0) return;
    this.#arena.read(this.#start[area] as number, this.length(area), target, at);
    placeShared(target, at, shared);
  }
}
