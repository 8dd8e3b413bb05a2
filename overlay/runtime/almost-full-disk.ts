import { statfsSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";

/** Several times what runtimes write to start a process, 60 KB: what they wrote is gone again when they have failed. */
const FEW_BYTES = 256 * 1024;
const FEW_INODES = 16;

/** Whether so little is left on the disk of a directory that a runtime may have failed for it. */
export function isAlmostFull(directory: string): boolean {
  try {
    const { bavail, bfree, blocks, bsize, ffree, files } = statfsSync(directory);
    // What a filesystem keeps for root, root may use.
    const free = process.geteuid?.() === 0 && !isInUserNamespace() ? bfree : bavail;
    // Some filesystems count no blocks, and some, such as btrfs, no inodes: there is no limit of them.
    return (blocks > 0 && free * bsize < FEW_BYTES) || (files > 0 && ffree < FEW_INODES);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
