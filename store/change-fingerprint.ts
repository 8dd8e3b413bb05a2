import xxhash from "xxhash-wasm";

/** Of bytes that may be given in pieces. A checksum, never an identity: xxHash resists no adversary. */
export interface Fingerprints {
  /** xxh64 with seed 0. */
  xxh64(bytes: Uint8Array): bigint;
  /** The same over pieces: `digest` once, after the last. */
  startXxh64(): { update(bytes: Uint8Array): unknown; digest(): bigint };
  /** xxh32, which EROFS defines its xattr name filter on. */
  xxh32(bytes: Uint8Array, seed: number): number;
}

/** One copy into wasm memory at a time; larger ones make it grow, which costs more than the hash. */
const PIECE = 1 << 16;

let loading: Promise<Fingerprints> | undefined;

/** The one importer of xxhash-wasm. Takes about 5 ms the first time. */
export function loadFingerprints(): Promise<Fingerprints> {
  return (loading ??= xxhash().then(({ create64, h32Raw }) => ({
    xxh32: h32Raw,
    startXxh64: () => create64(),
    xxh64: (bytes) => {
      const state = create64();
      for (let at = 0; at < bytes.length; at += PIECE) state.update(bytes.subarray(at, at + PIECE));
      return state.digest();
    },
  })));
}
