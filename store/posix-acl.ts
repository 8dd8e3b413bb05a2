/** The kernel's form, linux/posix_acl_xattr.h: version 2, then 8 bytes an entry: tag u16, permissions u16, id u32, little-endian. */
export const ACL_VERSION = 2;
/** In the order in which the entries stand. */
export const ACL_TAGS = { userObject: 0x01, user: 0x02, groupObject: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;
/** The id of an entry that names no user and no group. */
export const NO_ACL_ID = 0xffff_ffff;

const HEAD_BYTES = 4;
const ENTRY_BYTES = 8;

export function isAclName(xattr: string): boolean {
  return xattr === "system.posix_acl_access" || xattr === "system.posix_acl_default";
}

/**
 * Whether setxattr(2) takes it and getxattr(2) gives the same bytes back: owner, group and others once, users and groups with a mask, in order
 * of tag. The kernel refuses to look at a file with another one.
 *
 * @see posix_acl_valid() and posix_acl_from_xattr() of Linux's fs/posix_acl.c.
 */
export function isPosixAcl(value: Uint8Array): boolean {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length % ENTRY_BYTES !== HEAD_BYTES || bytes.readUInt32LE(0) !== ACL_VERSION) return false;
  const counts = new Map<number, number>();
  let last = 0;
  for (let at = HEAD_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    const tag = bytes.readUInt16LE(at);
    const isNamed = tag === ACL_TAGS.user || tag === ACL_TAGS.group;
    const isSound = tag >= last && bytes.readUInt16LE(at + 2) <= 7 && (bytes.readUInt32LE(at + 4) === NO_ACL_ID) !== isNamed;
    if (!isSound) return false;
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
    last = tag;
  }
  return hasNeeded(counts);
}

function hasNeeded(counts: ReadonlyMap<number, number>): boolean {
  const { userObject, user, groupObject, group, mask, other } = ACL_TAGS;
  const tags: readonly number[] = Object.values(ACL_TAGS);
  const needsMask = counts.has(user) || counts.has(group);
  return (
    [...counts].every(([tag, count]) => tags.includes(tag) && (count === 1 || tag === user || tag === group)) &&
    [userObject, groupObject, other].every((tag) => counts.has(tag)) &&
    (!needsMask || counts.has(mask))
  );
}
