import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { crc32 } from "../crc.js";

const LAYER_BYTES = 32;
const LAYER_DIGITS = 64;
const CHECKSUM_BYTES = 4;
/** Of two million layers. */
const LARGEST_FILE_BYTES = 2 ** 26;

/**
 * The layers of long chains, by commit, so that a deep history is not read commit by commit. Derived, and free to be deleted: a file is the
 * layers' ids, newest first, and a CRC-32 over the commit's id and them.
 */
export class ChainCache {
  readonly #layout: Pick<StoreLayout, "chains" | "scratch">;

  constructor(layout: Pick<StoreLayout, "chains" | "scratch">) {
    this.#layout = layout;
  }

  get(commit: CommitId): LayerId[] | undefined {
    let bytes: Buffer;
    try {
      bytes = readRegularFile(this.#file(commit), { largest: LARGEST_FILE_BYTES });
    } catch {
      return undefined;
    }
    const end = bytes.length - CHECKSUM_BYTES;
    if (end <= 0 || end % LAYER_BYTES !== 0 || bytes.readUInt32LE(end) !== checksum(commit, bytes.subarray(0, end)))
      return undefined;
    const hex = bytes.toString("hex", 0, end);
    const layers: LayerId[] = [];
    for (let at = 0; at < hex.length; at += LAYER_DIGITS) layers.push(hex.slice(at, at + LAYER_DIGITS) as LayerId);
    return layers;
  }

  /** @param extended A commit of which the chain is a part of this one: it is forgotten. */
  put(commit: CommitId, chain: readonly LayerId[], extended: CommitId | undefined): void {
    const ids = Buffer.from(chain.join(""), "hex");
    const trailer = Buffer.alloc(CHECKSUM_BYTES);
    trailer.writeUInt32LE(checksum(commit, ids));
    try {
      mkdirSync(this.#layout.chains, { recursive: true, mode: 0o700 });
      const scratch = scratchPath(this.#layout, "chain");
      writeFileSync(scratch, Buffer.concat([ids, trailer]), { mode: 0o600, flag: "wx" });
      renameSync(scratch, this.#file(commit));
      if (extended !== undefined) rmSync(this.#file(extended), { force: true });
    } catch {
      // Whoever may only read goes through the history again.
    }
  }

  #file(commit: CommitId): string {
    return path.join(this.#layout.chains, commit);
  }
}

function checksum(commit: CommitId, ids: Buffer): number {
  return crc32(ids, crc32(Buffer.from(commit)));
}
