import { createHash } from "node:crypto";
import type { LayerId } from "../../core/model/ids.js";

/** Layers of which there are runs, the longest first. A run shows as many of them as fit, but for the longest at most 3 or 4 times so many. */
const RUN_LENGTHS = [512, 128, 32, 8] as const;
/** A chain of so many layers is read and mounted layer by layer; a longer one in no more parts. */
export const DEEPEST_STACK = 12;

/** Consecutive layers of a chain, read through one image. */
export interface ChainPart {
  /** Positions in the chain, counted from the oldest layer; `end` is the first that is not of the part. */
  readonly start: number;
  readonly end: number;
  /** Tells all layers up to `end`; a single layer's is its own id. 64 hex digits. */
  readonly key: string;
  readonly newest: LayerId;
}

/**
 * The parts that a chain is read and mounted by, newest first: by positions alone, so that a longer chain has mostly the same ones. The oldest
 * layer, mostly the largest, stands alone. After it comes one run up to the last multiple of 512 layers, then one up to the last of 128, of 32,
 * of 8; at most 7 layers are left.
 *
 * @param chain Newest first.
 */
export function composeChain(chain: readonly LayerId[]): ChainPart[] {
  const parts = chain.length <= DEEPEST_STACK ? singles(chain, 0, chain.length) : runsOf(chain, chain.length);
  // A stack holds each image once, but what a redirect leads through may be the lower one.
  if (new Set(parts.map(({ key }) => key)).size === parts.length) return parts.reverse();
  return runs(chain, [0, chain.length]);
}

/** The parts that a run is made of, newest first: those that the chain had before the run's newest layer came, and this layer. */
export function composeRun(chain: readonly LayerId[], { start, end }: ChainPart): ChainPart[] {
  const before = runsOf(chain, end - 1).filter((part) => part.start >= start);
  return [...before, ...singles(chain, end - 1, end)].reverse();
}

/** @returns Newest first. */
export function singleLayers(chain: readonly LayerId[], { start, end }: ChainPart): ChainPart[] {
  return singles(chain, start, end).reverse();
}

/** Those of the oldest `length` layers, oldest first. */
function runsOf(chain: readonly LayerId[], length: number): ChainPart[] {
  const bounds: number[] = [Math.min(1, length)];
  for (const unit of RUN_LENGTHS) {
    const bound = 1 + Math.floor((length - 1) / unit) * unit;
    if (bound > (bounds.at(-1) as number)) bounds.push(bound);
  }
  const last = bounds.at(-1) as number;
  return [...singles(chain, 0, bounds[0] as number), ...runs(chain, bounds), ...singles(chain, last, length)];
}

function singles(chain: readonly LayerId[], start: number, end: number): ChainPart[] {
  const parts: ChainPart[] = [];
  for (let at = start; at < end; at += 1) {
    const layer = layerAt(chain, at);
    parts.push({ start: at, end: at + 1, key: layer, newest: layer });
  }
  return parts;
}

/** A run's key tells what is below it, too: it shows what changed on that. @param bounds Ascending. @returns Oldest first. */
function runs(chain: readonly LayerId[], bounds: readonly number[]): ChainPart[] {
  const hash = createHash("sha256").update("varve run 3\n");
  let hashed = 0;
  return bounds.slice(1).map((end, index) => {
    const start = bounds[index] as number;
    // In the chain's own order: thousands of ids are joined for each mount.
    hash.update(chain.slice(chain.length - end, chain.length - hashed).join(""), "latin1");
    hashed = end;
    const key = hash
      .copy()
      .update(`${end - start}`)
      .digest("hex");
    return { start, end, key, newest: layerAt(chain, end - 1) };
  });
}

function layerAt(chain: readonly LayerId[], position: number): LayerId {
  return chain[chain.length - 1 - position] as LayerId;
}
