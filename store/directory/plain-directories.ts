import type { Worker } from "node:worker_threads";
import type { PlainDirectories } from "../../core/ports/plain-directories.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import type { FilteredTree } from "../../core/model/tree.js";
import { inTurns } from "../../core/turns.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { statAt } from "../../linux/stat.js";
import { openConfinedRoot } from "./confined-root.js";
import { treeOfLiveDirectory } from "./directory-tree.js";
import { openLiveDirectoryInTurns } from "./live-directory.js";
import { startReadingThread } from "./read-ahead.js";
import { openLinkedTree, openUnscannedTree } from "./unscanned-tree.js";
import { requireWritable, writeTree } from "./write-directory.js";

/** Directories outside a store, as core asks for them. @param store Its directory, which is left out of those that it stands in; absent without one. */
export function openDirectories(store?: string): PlainDirectories {
  return {
    openTree: (path, exclude = [], readsAll = true) => openPlain({ path, patterns: exclude, store, readsAll }),
    openUnscanned: openUnscannedTree,
    openLinked: openLinkedTree,
    openWhole: async (path) => treeOfLiveDirectory(await openLiveDirectoryInTurns(path)),
    openConfined: openConfinedRoot,
    writeTree: async (tree, path, observe) => inTurns(writeTree(tree, path, observe)),
    requireWritable: async (tree, path) => inTurns(requireWritable(tree, path)),
  };
}

interface PlainOptions {
  readonly path: string;
  readonly patterns: readonly ByteString[];
  readonly store: string | undefined;
  readonly readsAll: boolean;
}

async function openPlain({ path, patterns, store: place, readsAll }: PlainOptions): Promise<FilteredTree> {
  let thread: Worker | undefined;
  try {
    const onMany = (): void => void (thread = startReadingThread());
    const store = place === undefined ? undefined : statAt(AT_FDCWD, bytesOfText(place)).inodeKey;
    const live = await openLiveDirectoryInTurns(path, { ignore: { patterns, store }, ...(readsAll ? { onMany } : {}) });
    if (thread !== undefined) live.readAheadIn(thread);
    return treeOfLiveDirectory(live);
  } catch (error) {
    void thread?.terminate();
    throw error;
  }
}
