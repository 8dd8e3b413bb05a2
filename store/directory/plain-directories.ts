import type { Worker } from "node:worker_threads";
import type { PlainDirectories } from "../../core/ports/plain-directories.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import type { FilteredTree } from "../../core/model/tree.js";
import { inTurns } from "../../core/turns.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { statAt } from "../../linux/stat.js";
import { treeOfLiveDirectory } from "./directory-tree.js";
import { openLiveDirectoryInTurns } from "./live-directory.js";
import { startReadingThread } from "./read-ahead.js";
import { openUnscannedTree } from "./unscanned-tree.js";
import { writeTree } from "./write-directory.js";

/** Directories outside a store, as core asks for them. @param store Its directory, which is left out of those that it stands in. */
export function openDirectories(store: string): PlainDirectories {
  return {
    openTree: (path, exclude = []) => openToReadAll(path, exclude, store),
    openUnscanned: openUnscannedTree,
    writeTree: async (tree, path) => inTurns(writeTree(tree, path)),
  };
}

/** An import reads every file. */
async function openToReadAll(path: string, patterns: readonly ByteString[], place: string): Promise<FilteredTree> {
  let thread: Worker | undefined;
  try {
    const onMany = (): void => void (thread = startReadingThread());
    const store = statAt(AT_FDCWD, bytesOfText(place)).inodeKey;
    const live = await openLiveDirectoryInTurns(path, { ignore: { patterns, store }, onMany });
    if (thread !== undefined) live.readAheadIn(thread);
    return treeOfLiveDirectory(live);
  } catch (error) {
    void thread?.terminate();
    throw error;
  }
}
