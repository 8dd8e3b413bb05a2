import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { replaceCache } from "../durable-file.js";
import type { ContentRows } from "./content-rows.js";
import { encodeSegment, readSegment, ROW_BYTES, SegmentFile, type ContentPlace } from "./segment-file.js";

const SUFFIX = ".segment";
/** Segments of up to this many times the new rows are merged with them: so n layers leave log n segments. */
const MERGE_FACTOR = 2;
/** Past so many rows nothing is merged: memory stays bounded. */
const MOST_MERGED_ROWS = 4_000_000;

/**
 * Which layer of a store holds a content, by digest. Derived, and free to be deleted at any time: what it lacks is stored again. What it
 * says is a hint, to be compared with the layer's own digest.
 */
export class ContentIndex {
  readonly #directory: string;
  readonly #scratch: () => string;
  readonly #isStored: (layer: string) => boolean;
  #segments: SegmentFile[] | undefined;

  /** @param scratch Gives a path for a new file, on the directory's filesystem. */
  constructor(directory: string, scratch: () => string, isStored: (layer: string) => boolean) {
    this.#directory = directory;
    this.#scratch = scratch;
    this.#isStored = isStored;
  }

  /** Whether it was ever made. */
  get exists(): boolean {
    return existsSync(this.#directory);
  }

  /** @param digest SHA-256. @returns Candidates. */
  find(digest: Buffer): ContentPlace[] {
    this.#segments ??= this.#names().flatMap((name) => SegmentFile.open(path.join(this.#directory, name)) ?? []);
    return this.#segments.flatMap((segment) => segment.find(digest));
  }

  /** Failures leave the index without these rows. */
  add(rows: ContentRows): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (rows.count > 0) this.#merge(rows);
    } catch {
      // A cache: without it contents are stored again.
    }
    this.close();
  }

  close(): void {
    this.#segments?.forEach((segment) => segment.close());
    this.#segments = undefined;
  }

  #merge(rows: ContentRows): void {
    const old: string[] = [];
    const sizes = this.#names().map((name) => {
      return { name, rows: (statSync(path.join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0) / ROW_BYTES };
    });
    for (const { name, rows: count } of sizes.sort((a, b) => a.rows - b.rows)) {
      if (count > rows.count * MERGE_FACTOR || count + rows.count > MOST_MERGED_ROWS) break;
      const segment = readSegment(path.join(this.#directory, name));
      if (segment !== undefined) rows.addSegment(segment, this.#isStored);
      old.push(name);
    }
    const scratch = this.#scratch();
    const file = path.join(this.#directory, `${path.basename(scratch)}-${Date.now().toString(36)}${SUFFIX}`);
    replaceCache(file, encodeSegment(rows.segment()), scratch);
    for (const name of old) rmSync(path.join(this.#directory, name), { force: true });
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => name.endsWith(SUFFIX));
    } catch {
      return [];
    }
  }
}
