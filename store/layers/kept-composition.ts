import { mkdirSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceCache } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { composeChain, DEEPEST_STACK, type ChainPart } from "./chain-composition.js";

/** Of a million layers. */
const LARGEST_FILE_BYTES = 2 ** 27;
const KEY = /^[0-9a-f]{64}$/;

/**
 * `composeChain`, written down for the next mount of the same chain: the keys of runs are digests, and to make one takes `node:crypto`, which loads
 * for 8 ms. A file holds the chain's ids in one line, and the parts as JSON in the next; it counts for that very chain alone. Sixteen
 * files, by the newest layer's first digit: commits that are mounted in turn mostly have one each.
 */
export function keptComposition(layout: Pick<StoreLayout, "compositions" | "scratch">, chain: readonly LayerId[]): ChainPart[] {
  if (chain.length <= DEEPEST_STACK) return composeChain(chain);
  const file = path.join(layout.compositions, (chain[0] as LayerId).slice(0, 1));
  const name = chain.join("");
  const kept = readParts(file, name, chain);
  if (kept !== undefined) return kept;
  const parts = composeChain(chain);
  try {
    mkdirSync(layout.compositions, { recursive: true, mode: 0o700 });
    replaceCache(file, `${name}\n${JSON.stringify(parts)}\n`, scratchPath(layout, "composition"));
  } catch {
    // Whoever may only read computes them again.
  }
  return parts;
}

function readParts(file: string, name: string, chain: readonly LayerId[]): ChainPart[] | undefined {
  try {
    const text = readRegularFile(file, { largest: LARGEST_FILE_BYTES }).toString("latin1");
    if (!text.startsWith(name) || text[name.length] !== "\n") return undefined;
    const parts = JSON.parse(text.slice(name.length)) as ChainPart[];
    return isWhole(parts, chain) ? parts : undefined;
  } catch {
    return undefined;
  }
}

/** Newest first, without gaps. What a wrong key led to would be refused as an image, or made under that name. */
function isWhole(parts: readonly ChainPart[], chain: readonly LayerId[]): boolean {
  let above = chain.length;
  for (const { start, end, key, newest } of parts) {
    if (end !== above || !(start < end) || newest !== chain[chain.length - end] || !KEY.test(key)) return false;
    above = start;
  }
  return above === 0;
}
