import xxhash from "xxhash-wasm";
import { VarveError } from "../core/errors.js";

/** Of bytes that may be given in pieces. A checksum, never an identity: xxHash resists no adversary. */
export interface Fingerprints {
  /** xxh64 with seed 0. */
  readonly xxh64: (bytes: Uint8Array) => bigint;
  /** The same over pieces: `digest` once, after the last. */
  startXxh64(): { update(bytes: Uint8Array): unknown; digest(): bigint };
  /** xxh32, which EROFS defines its xattr name filter on. */
  readonly xxh32: (bytes: Uint8Array, seed: number) => number;
}

/** One copy into wasm memory at a time; larger ones make it grow, which costs more than the hash. */
const PIECE = 1 << 16;

let loading: Promise<Fingerprints> | undefined;

/** The one importer of xxhash-wasm. Takes about 5 ms the first time. @throws VarveError IO when the address space has no room for it. */
export function loadFingerprints(): Promise<Fingerprints> {
  return (loading ??= xxhash()
    .catch(noRoom)
    .then((library) => ({
      xxh32: (bytes, seed) => library.h32Raw(bytes, seed),
      startXxh64: () => library.create64(),
      xxh64: (bytes) => {
        const state = library.create64();
        for (let at = 0; at < bytes.length; at += PIECE) state.update(bytes.subarray(at, at + PIECE));
        return state.digest();
      },
    })));
}

function noRoom(error: unknown): never {
  if (!(error instanceof RangeError)) throw error;
  throw new VarveError("IO", "Cannot load WebAssembly: this process may not have enough address space", {
    hint: "Let it have some 16 GB of it (ulimit -v): it is reserved, not used.",
    cause: error,
  });
}
