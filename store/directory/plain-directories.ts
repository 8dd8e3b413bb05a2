import type { Worker } from "node:worker_threads";
import type { PlainDirectories } from "../../core/ports/plain-directories.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { FilteredTree } from "../../core/model/tree.js";
import { treeOfLiveDirectory } from "./directory-tree.js";
import { openLiveDirectory } from "./live-directory.js";
import { startReadingThread } from "./read-ahead.js";
import { writeTree } from "./write-directory.js";

/** Directories outside any store, as core asks for them. */
export function openDirectories(): PlainDirectories {
  return { openTree: openToReadAll, writeTree };
}

/** An import reads every file. */
function openToReadAll(path: string, exclude: readonly ByteString[] = []): FilteredTree {
  let thread: Worker | undefined;
  try {
    const live = openLiveDirectory(path, { ignore: { patterns: exclude }, onMany: () => (thread = startReadingThread()) });
    if (thread !== undefined) live.readAheadIn(thread);
    return treeOfLiveDirectory(live);
  } catch (error) {
    void thread?.terminate();
    throw error;
  }
}
