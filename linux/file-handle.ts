import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { nativePath } from "./native-path.js";

const nameToHandleAt = declare("int name_to_handle_at(int directory, const void *path, void *handle, void *mountId, int flags)");

/** MAX_HANDLE_SZ of linux/exportfs.h, after the header's two words. */
const LARGEST = 128;
const HEADER = 8;
const HANDLE = Buffer.alloc(HEADER + LARGEST);
const MOUNT_ID = Buffer.alloc(4);

/**
 * The bytes by which the filesystem itself names an inode, as overlayfs writes them at the end of its file handles. Does not follow a symlink.
 * @throws SystemCallError EOPNOTSUPP where the filesystem has none.
 */
export function fileHandle(directory: number, name: string): Uint8Array {
  HANDLE.writeUInt32LE(LARGEST, 0);
  checked(nameToHandleAt(directory, nativePath(name), HANDLE, MOUNT_ID, 0), "name_to_handle_at", name);
  return Uint8Array.prototype.slice.call(HANDLE, HEADER, HEADER + HANDLE.readUInt32LE(0));
}
