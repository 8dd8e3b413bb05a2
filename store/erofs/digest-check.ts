import { createHash, type Hash } from "node:crypto";
import { atOnce } from "../../core/turns.js";
import { hashZeros } from "./content-pieces.js";

/** Hashes what is read of a content from front to end, holes passed over, and tells whether it was what its digest says. */
export class DigestCheck {
  readonly #size: number;
  readonly #isHole: (from: number, to: number) => boolean;
  #hash: Hash | undefined = createHash("sha256");
  #end = 0;

  /** @param isHole Whether there is no data in a range. */
  constructor(size: number, isHole: (from: number, to: number) => boolean) {
    this.#size = size;
    this.#isHole = isHole;
  }

  /** Bytes that were read. Whoever reads here and there gets no check. */
  add(bytes: Uint8Array, position: number): void {
    if (this.#hash === undefined || bytes.length === 0) return;
    if (!this.#skipTo(position)) this.#hash = undefined;
    this.#hash?.update(bytes);
    this.#end = position + bytes.length;
  }

  /** @param digest 64 hex digits. @returns False when all was read and has another digest. */
  isGood(digest: string): boolean {
    const hash = this.#hash;
    if (hash === undefined || !this.#skipTo(this.#size)) return true;
    this.#hash = undefined;
    return hash.digest("hex") === digest;
  }

  #skipTo(position: number): boolean {
    if (position === this.#end) return true;
    if (position < this.#end || !this.#isHole(this.#end, position)) return false;
    atOnce(hashZeros(this.#hash, position - this.#end));
    this.#end = position;
    return true;
  }
}
