import { isDigest } from "../../core/image/image-reference.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

export type PlacesLayout = Pick<StoreLayout, "blobPlaces" | "scratch">;

const LINE = /^(\S+) ([^\s/]+)\/(\S+)$/;
/** Of some 150 bytes. The oldest are forgotten. */
const MOST_LINES = 20_000;
const LARGEST_BYTES = 16 << 20;
/** A registry asks for each whether we may read there. */
const MOST_REPOSITORIES = 3;

/**
 * Which repositories are known to have a blob, since it was pulled from there or pushed there: another repository of the same registry can take it over. A
 * cache of one line each, `DIGEST REGISTRY/REPOSITORY`, the newest last: what is wrong in it costs a question.
 */
export class BlobPlaces {
  readonly #layout: PlacesLayout;

  constructor(layout: PlacesLayout) {
    this.#layout = layout;
  }

  /** @returns The newest first. @param besides A repository that does not count. */
  repositoriesWith(digest: string, registry: string, besides: string): readonly string[] {
    const found = this.#lines()
      .map((line) => LINE.exec(line) ?? [])
      .filter(([, blob, host, repository]) => blob === digest && host === registry && repository !== besides)
      .map(([, , , repository = ""]) => repository);
    return [...new Set(found.reverse())].slice(0, MOST_REPOSITORIES);
  }

  /** What can't be written is not remembered. */
  remember(digests: Iterable<string>, registry: string, repository: string): void {
    const told = new Set([...digests].filter(isDigest).map((digest) => `${digest} ${registry}/${repository}`));
    const known = this.#lines();
    const kept = known.filter((line) => !told.has(line));
    if (known.length - kept.length === told.size) return;
    const lines = [...kept, ...told].slice(-MOST_LINES);
    try {
      replaceFile(this.#layout.blobPlaces, Buffer.from(`${lines.join("\n")}\n`), scratchPath(this.#layout, "places"));
    } catch {
      // A store that belongs to somebody else, or a full disk: then blobs are sent once more.
    }
  }

  #lines(): readonly string[] {
    try {
      const text = readRegularFile(this.#layout.blobPlaces, { largest: LARGEST_BYTES }).toString("utf8");
      return text.split("\n").filter((line) => LINE.test(line));
    } catch {
      return [];
    }
  }
}
