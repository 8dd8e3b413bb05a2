import { appendFileSync, rmSync } from "node:fs";
import { isBlobDigest, type SizedDigest } from "../../core/model/image.js";
import { readRegularFile } from "../../linux/regular-file.js";

const LARGEST_BYTES = 2 ** 26;

/**
 * What things became when they were sent, `views/sent`: a line each, of words that tell the thing and how it was made, the digest and the bytes of what it
 * became. Derived: what can't be read or written is as if it were forgotten.
 */
export class SentTable {
  readonly #file: string;
  #rows: Map<string, SizedDigest> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** @param key Words, with one blank between two. */
  find(key: string): SizedDigest | undefined {
    this.#rows ??= readRows(this.#file);
    return this.#rows.get(key);
  }

  add(key: string, { digest, size }: SizedDigest): void {
    if (this.find(key)?.digest === digest) return;
    this.#rows?.set(key, { digest, size });
    try {
      appendFileSync(this.#file, `${key} ${digest} ${size}\n`);
    } catch {
      // Then it is made again the next time.
    }
  }

  forget(): void {
    this.#rows = new Map();
    try {
      rmSync(this.#file, { force: true });
    } catch {
      // A store that nobody may write to forgets for as long as this command runs.
    }
  }
}

/** Lines of another form, as a crash may leave one, tell nothing. Of two with one key the last one counts. */
function readRows(file: string): Map<string, SizedDigest> {
  const rows = new Map<string, SizedDigest>();
  let text: string;
  try {
    text = readRegularFile(file, { largest: LARGEST_BYTES }).toString("latin1");
  } catch {
    return rows;
  }
  for (const line of text.split("\n")) {
    const [, key, digest, size] = /^(\S.*) (\S+) ([0-9]{1,15})$/.exec(line) ?? [];
    if (key !== undefined && isBlobDigest(digest)) rows.set(key, { digest, size: Number(size) });
  }
  return rows;
}
