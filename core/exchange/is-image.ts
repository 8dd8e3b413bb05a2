import type { ByteString } from "../model/byte-string.js";
import type { Tree } from "../model/tree.js";

/** What docker archives and OCI layouts have at their top. */
const MARKS = ["oci-layout", "manifest.json"] as const;
/** What root filesystems have, and no archive of images. */
const ROOT_NAMES = ["bin", "etc", "usr"] as const;

/** Whether a tree is that of an archive of images, and no root filesystem. */
export function isImageArchive({ root }: Tree): boolean {
  const has = (name: string): boolean => root.child(name as ByteString) !== undefined;
  return MARKS.some(has) && !ROOT_NAMES.some(has);
}
