import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { removeXattr } from "../../linux/xattr.js";

/** `origin` is what kernels before Linux 4.16 called it. */
const OWNER_XATTRS = ["trusted.overlay.upper", "trusted.overlay.origin"];

/**
 * Makes the next mount take an index of hardlinks for that of the upper directory beside it.
 *
 * The index names its upper directory by a file handle, an inode of one filesystem: in a copied or restored store it names the original's,
 * and the kernel refuses the mount (ESTALE). A container's upper and work directories never part, so that the new one is its right owner.
 * What the index holds names inodes of the layers, which are the same in every copy; that stays.
 *
 * @param work The work directory, bytes in latin1.
 */
export function forgetIndexOwner(work: string): void {
  try {
    for (const name of OWNER_XATTRS) removeXattr(AT_FDCWD, `${work}/index`, name);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}
