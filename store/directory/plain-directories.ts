import type { Worker } from "node:worker_threads";
import type { PlainDirectories } from "../../core/ports/plain-directories.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { FilteredTree } from "../../core/model/tree.js";
import { treeOfLiveDirectory } from "./directory-tree.js";
import { openLiveDirectoryInTurns } from "./live-directory.js";
import { startReadingThread } from "./read-ahead.js";
import { writeTree } from "./write-directory.js";

/** Directories outside any store, as core asks for them. */
export function openDirectories(): PlainDirectories {
  return { openTree: openToReadAll, writeTree };
}

/** An import reads every file. */
async function openToReadAll(path: string, exclude: readonly ByteString[] = []): Promise<FilteredTree> {
  let thread: Worker | undefined;
  try {
    const onMany = (): void => void (thread = startReadingThread());
    const live = await openLiveDirectoryInTurns(path, { ignore: { patterns: exclude }, onMany });
    if (thread !== undefined) live.readAheadIn(thread);
    return treeOfLiveDirectory(live);
  } catch (error) {
    void thread?.terminate();
    throw error;
  }
}
