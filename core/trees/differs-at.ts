import type { ByteString } from "../model/byte-string.js";
import { changeReasons } from "../model/compare-entries.js";
import { nodeAt } from "../model/paths.js";
import type { Tree } from "../model/tree.js";

/** Whether two trees differ at a path or below it. Told by the digests of directories, which commits' trees know. */
export function differsAt(before: Tree, after: Tree, path: ByteString): boolean {
  const old = nodeAt(before, path);
  const now = nodeAt(after, path);
  if (old === undefined || now === undefined) return old !== now;
  const below = "digest" in old && "digest" in now && old.digest !== now.digest;
  return below || changeReasons(old, now).length > 0;
}
