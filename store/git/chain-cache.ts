import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceCache } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

const LAYER_BYTES = 32;
const LAYER_DIGITS = 64;
const COMMIT_DIGITS = 40;
/** Of two million layers. */
const LARGEST_FILE_BYTES = 2 ** 26;

/**
 * The layers of long chains, by commit, so that a deep history is not read commit by commit. Derived, and free to be deleted: a file is the
 * commit's id, the layers' ids, newest first, and these again: two copies are compared in no time, where a checksum of a short-lived program is summed
 * by V8's interpreter.
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
    const length = (bytes.length - COMMIT_DIGITS) / 2;
    if (length <= 0 || length % LAYER_BYTES !== 0 || bytes.toString("latin1", 0, COMMIT_DIGITS) !== commit) return undefined;
    const [ids, again] = [COMMIT_DIGITS, COMMIT_DIGITS + length].map((at) => bytes.subarray(at, at + length));
    if (!ids!.equals(again!)) return undefined;
    const hex = ids!.toString("hex");
    const layers: LayerId[] = [];
    for (let at = 0; at < hex.length; at += LAYER_DIGITS) layers.push(hex.slice(at, at + LAYER_DIGITS) as LayerId);
    return layers;
  }

  /** @param extended A commit of which the chain is a part of this one: it is forgotten. */
  put(commit: CommitId, chain: readonly LayerId[], extended: CommitId | undefined): void {
    const ids = Buffer.from(chain.join(""), "hex");
    try {
      mkdirSync(this.#layout.chains, { recursive: true, mode: 0o700 });
      const bytes = Buffer.concat([Buffer.from(commit), ids, ids]);
      replaceCache(this.#file(commit), bytes, scratchPath(this.#layout, "chain"));
      if (extended !== undefined) rmSync(this.#file(extended), { force: true });
    } catch {
      // Whoever may only read goes through the history again.
    }
  }

  #file(commit: CommitId): string {
    return path.join(this.#layout.chains, commit);
  }
}
