import { createHash } from "node:crypto";
import type { LayerId } from "../../core/model/ids.js";

/** Layers of a run, and runs of the next longer one. */
const FACTOR = 8;
/** A chain of so many layers is read and mounted layer by layer: so containers share the page cache of each. */
export const DEEPEST_STACK = 32;

/** Consecutive layers of a chain, read through one image. */
export interface ChainPart {
  /** Positions in the chain, counted from the oldest layer; `end` is the first that is not of the part. */
  readonly start: number;
  readonly end: number;
  /** Tells all layers up to `end`; a single layer's is its own id. 64 hex digits. */
  readonly key: string;
}

/**
 * The parts that a chain is read and mounted by, newest first. Long chains fall into runs of 8, 64, 512, … layers by their positions alone:
 * a longer chain has mostly the same ones, and n layers make about 4 · log8 n parts. The oldest layer, mostly the largest, is no part of a run.
 *
 * @param chain Newest first.
 */
export function composeChain(chain: readonly LayerId[]): ChainPart[] {
  const parts = chain.length <= DEEPEST_STACK ? singles(chain, 0, chain.length) : runsOf(chain);
  // A stack holds each image once, but what a redirect leads through may be the lower one.
  if (new Set(parts.map(({ key }) => key)).size === parts.length) return parts.reverse();
  return [{ start: 0, end: chain.length, key: keyOf(chain, 0, [chain.length])[0] as string }];
}

/** The parts that a run is made of, newest first. */
export function composeRun(chain: readonly LayerId[], { start, end }: ChainPart): ChainPart[] {
  const length = (end - start) / FACTOR;
  if (start === 0) return chain.length <= DEEPEST_STACK ? singles(chain, 0, end).reverse() : runsOf(chain).reverse();
  if (length === 1) return singles(chain, start, end).reverse();
  const ends = Array.from({ length: FACTOR }, (_, index) => start + (index + 1) * length);
  return keyOf(chain, start, ends)
    .map((key, index) => ({ start: start + index * length, end: start + (index + 1) * length, key }))
    .reverse();
}

/** Oldest first. */
function runsOf(chain: readonly LayerId[]): ChainPart[] {
  const bounds: number[] = [1];
  let length = FACTOR;
  while (length * FACTOR <= chain.length - 1) length *= FACTOR;
  for (let at = 1; length > 1; length /= FACTOR) {
    for (; at + length <= chain.length; at += length) bounds.push(at + length);
  }
  const last = bounds.at(-1) as number;
  const keys = keyOf(chain, 1, bounds.slice(1));
  const runs = keys.map((key, index) => ({ start: bounds[index] as number, end: bounds[index + 1] as number, key }));
  return [...singles(chain, 0, 1), ...runs, ...singles(chain, last, chain.length)];
}

function singles(chain: readonly LayerId[], start: number, end: number): ChainPart[] {
  const parts: ChainPart[] = [];
  for (let at = start; at < end; at += 1) parts.push({ start: at, end: at + 1, key: layerAt(chain, at) });
  return parts;
}

/** Keys of the runs that end at these positions: a run shows what changed on what is below it, too. */
function keyOf(chain: readonly LayerId[], start: number, ends: readonly number[]): string[] {
  const hash = createHash("sha256").update("varve run 1\n");
  let at = 0;
  let from = start;
  return ends.map((end) => {
    for (; at < end; at += 1) hash.update(layerAt(chain, at));
    const key = hash
      .copy()
      .update(`${end - from}`)
      .digest("hex");
    from = end;
    return key;
  });
}

function layerAt(chain: readonly LayerId[], position: number): LayerId {
  return chain[chain.length - 1 - position] as LayerId;
}
