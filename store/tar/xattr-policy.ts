import type { Xattr } from "../../core/model/entry.js";
import { isAclName, isPosixAcl } from "../posix-acl.js";
import type { TarEntry, TarType } from "./tar-entry.js";
import type { Fail, Warn } from "./tar-fault.js";

/**
 * Which xattrs of an archive become part of a tree.
 *
 * - `user.*` of files and directories, `trusted.*`: kept. POSIX ACLs that the kernel would take: kept. What it takes on no entry of this
 *   type, or in no such form: dropped, told.
 * - overlayfs's own (`trusted.overlay.*`, `user.overlay.*`): dropped, told. They would make a mount show other files.
 * - `security.capability` in the kernel's version 2 or 3: kept. All else in `security.`: dropped, told; it belongs to the
 *   machine's own policy.
 * - `com.apple.*` and other `system.*`: dropped, told. Linux can't hold them.
 * - any other namespace: refused.
 */
export function admitXattrs({ type, xattrs }: Pick<TarEntry, "type" | "xattrs">, fail: Fail, warn: Warn): readonly Xattr[] {
  if (xattrs.length === 0) return xattrs;
  return xattrs.filter((xattr) => {
    const objection = objectionTo(xattr, fail) ?? objectionOnType(xattr.name, type);
    if (objection !== undefined) warn(`its xattr "${printable(xattr.name)}" ${objection}, and was dropped`);
    return objection === undefined;
  });
}

function objectionTo({ name, value }: Xattr, fail: Fail): string | undefined {
  if (name.startsWith("trusted.overlay.") || name.startsWith("user.overlay.")) return "would steer overlayfs";
  if (/^(user|trusted)\../s.test(name)) return undefined;
  if (isAclName(name)) return isPosixAcl(value) ? undefined : "is no access control list of Linux's form";
  if (name === "security.capability") return isCapability(value) ? undefined : "is no file capability of version 2 or 3";
  if (name.startsWith("security.")) return "belongs to a machine's own security policy";
  if (name.startsWith("com.apple.") || name.startsWith("system.")) return "can't be held by Linux";
  return fail(`its xattr "${printable(name)}" is in no namespace of Linux`);
}

/** xattr_permission() of Linux's fs/xattr.c, and set_posix_acl() of fs/posix_acl.c. */
function objectionOnType(name: string, type: TarType): string | undefined {
  if (type === "directory") return undefined;
  if (name === "system.posix_acl_default") return "belongs to directories alone";
  if (type === "symlink" && isAclName(name)) return "can't stand on a symlink";
  return type !== "file" && name.startsWith("user.") ? "belongs to files and directories alone" : undefined;
}

/** linux/capability.h: VFS_CAP_REVISION_2 has 20 bytes, _3 has 24; the lowest bit of the magic word is "effective". */
function isCapability(value: Uint8Array): boolean {
  if (value.length !== 20 && value.length !== 24) return false;
  const magic = Buffer.from(value.buffer, value.byteOffset, 4).readUInt32LE(0);
  return (magic & ~1) === (value.length === 20 ? 0x0200_0000 : 0x0300_0000);
}

function printable(name: string): string {
  return name.slice(0, 100).replace(/[^ -~]/g, "?");
}
