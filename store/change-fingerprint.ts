import xxhash from "xxhash-wasm";

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

/** The one importer of xxhash-wasm. Takes about 5 ms the first time. */
export function loadFingerprints(): Promise<Fingerprints> {
  return (loading ??= xxhash().then((library) => ({
    xxh32: (bytes, seed) => library.h32Raw(bytes, seed),
    startXxh64: () => library.create64(),
    xxh64: (bytes) => {
      const state = library.create64();
      for (let at = 0; at < bytes.length; at += PIECE) state.update(bytes.subarray(at, at + PIECE));
      return state.digest();
    },
  })));
}
