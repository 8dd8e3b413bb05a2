import { setTimeout } from "node:timers/promises";
import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import type { TreeNode } from "../model/tree.js";
import { isDirectory, type NodePair } from "./walk-tree-pair.js";
import { interruptionSignal, yieldToSignals } from "../yield-to-signals.js";

/** Before each further attempt. What is written in one go is done by then; what grows on and on is not to be waited for. */
const PAUSES_MILLISECONDS: readonly number[] = [10, 100, 400];

/**
 * Does again what failed because a live file changed while it was read: with what stands at its name by now, which may be nothing.
 *
 * @param pair What `work` failed with.
 * @param failure Thrown as it is when it is no SOURCE_CHANGED.
 * @param work Must have done nothing when it throws.
 * @throws VarveError SOURCE_CHANGED when it changes each time, or became a directory.
 */
export async function readAgain<T>(pair: NodePair, failure: unknown, work: (pair: NodePair) => T | Promise<T>): Promise<T> {
  let last = failure;
  for (const pause of PAUSES_MILLISECONDS) {
    if (!(last instanceof VarveError) || last.code !== "SOURCE_CHANGED") throw last;
    await setTimeout(pause, undefined, { signal: interruptionSignal() }).catch(() => undefined);
    await yieldToSignals();
    try {
      const now = lookAgain(pair);
      if (isDirectory(now.before) !== isDirectory(pair.before) || isDirectory(now.after) !== isDirectory(pair.after)) continue;
      return await work(now);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function lookAgain(pair: NodePair): NodePair {
  const { before, after, parent, name } = pair;
  if (parent === undefined) return pair;
  return { ...pair, before: before && childOf(parent.before, name), after: after && childOf(parent.after, name) };
}

function childOf(directory: TreeNode | undefined, name: ByteString): TreeNode | undefined {
  return isDirectory(directory) ? directory.child(name) : undefined;
}
