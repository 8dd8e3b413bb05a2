import type { ByteString } from "../../core/model/byte-string.js";
import { NO_XATTRS, type Xattr } from "../../core/model/entry.js";
import { getXattr, listXattrs } from "../../linux/xattr.js";

/** Namespaces that a layer can hold. Others, such as `btrfs.` and `system.nfs4_acl`, are settings of one filesystem. */
const KEPT = /^(user\.|trusted\.|security\.|system\.posix_acl_(access|default)$)/;

/** An entry's xattrs as a tree has them, in byte order of name. @throws SystemCallError */
export function readXattrs(directory: number, name: string): readonly Xattr[] {
  const names = listXattrs(directory, name);
  if (names.length === 0) return NO_XATTRS;
  const found: Xattr[] = [];
  for (const xattr of names) {
    const value = KEPT.test(xattr) ? getXattr(directory, name, xattr) : undefined;
    if (value !== undefined) found.push({ name: xattr as ByteString, value });
  }
  return found;
}
