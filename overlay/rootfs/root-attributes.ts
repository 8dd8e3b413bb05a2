import { changeMode, changeOwner } from "../../linux/make-node.js";
import { AT_FDCWD, closeDescriptor, OPEN_DIRECTORY, openAt } from "../../linux/open-at.js";
import { statDescriptor } from "../../linux/stat.js";
import { setModificationTime } from "../../linux/times.js";
import { getXattr, listXattrs, setXattr } from "../../linux/xattr.js";

/**
 * Gives one directory the mode, owner, xattrs and modification time of another: an overlay shows its upper directory's own as
 * those of the root.
 *
 * Paths are bytes in latin1.
 */
export function copyRootAttributes(from: string, to: string): void {
  const source = openAt(AT_FDCWD, from, OPEN_DIRECTORY);
  const target = openAt(AT_FDCWD, to, OPEN_DIRECTORY);
  try {
    const stat = statDescriptor(source);
    changeOwner(target, "", stat.uid, stat.gid);
    changeMode(target, "", stat.permissions);
    for (const name of listXattrs(source, "")) {
      const value = /^(trusted|user)\.overlay\./.test(name) ? undefined : getXattr(source, "", name);
      if (value !== undefined) setXattr(target, "", name, value);
    }
    setModificationTime(target, "", stat.mtimeSeconds, stat.mtimeNanoseconds);
  } finally {
    closeDescriptor(source);
    closeDescriptor(target);
  }
}
