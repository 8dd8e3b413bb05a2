import { isBelowAny, isBelowSome } from "../model/paths.js";
import type { ByteString } from "../model/byte-string.js";

/** Which paths a command is about: what stands after `--`. */
export interface PathSelection {
  /** Whether a path is selected: by itself, or with a directory above it. */
  has(path: ByteString): boolean;
  /** All of it, when places say it: each with what stands below. */
  readonly places: readonly ByteString[] | undefined;
  /** Paths that were named letter by letter, where patterns stand beside them; else `places` has them. */
  readonly named?: readonly ByteString[];
}

/** Of so many each is compared with a path. */
const FEW = 8;

/** @param places None: everything. */
export function selectPlaces(places: readonly ByteString[]): PathSelection {
  if (places.length <= FEW || places.includes("" as ByteString)) return { has: (path) => isBelowAny(path, places), places };
  const set = new Set(places);
  return { has: (path) => isBelowSome(path, set), places };
}

export const ALL_PATHS: PathSelection = selectPlaces([]);
