import { existsSync } from "node:fs";
import path from "node:path";
import { openLiveDirectory, type LiveDirectory, typeOfRow } from "./live-directory.js";
import { isWhiteoutDevice, overlayMarks, type OverlayPrefix, shownXattrs } from "./overlay-marks.js";

/** A copied-up inode of which the base has several names: it stands for all those that the upper does not override. */
export interface IndexedInode {
  /** Row in the index's own table. */
  readonly row: number;
  /** As upper rows of the same inode have it. */
  readonly inodeKey: string;
  /** overlayfs's file handle of the base's inode: struct ovl_fh of fs/overlayfs/overlayfs.h. */
  readonly handle: Uint8Array;
  /** Whether it has metadata only, and the content is still the base's. */
  readonly metacopy: boolean;
}

export interface OverlayIndex {
  readonly directory: LiveDirectory | undefined;
  readonly inodes: readonly IndexedInode[];
}

/** Reads the inodes that `index=on` keeps in the work directory. Without such a mount there are none. */
export function readOverlayIndex(work: string, prefix: OverlayPrefix): OverlayIndex {
  const folder = path.join(work, "index");
  if (!existsSync(folder)) return { directory: undefined, inodes: [] };
  const directory = openLiveDirectory(folder, { whiteouts: true }, shownXattrs(prefix));
  const { table } = directory;
  const inodes: IndexedInode[] = [];
  for (let row = 1; row < table.length; row++) {
    // Directories are kept for NFS export, whiteouts for what was deleted: neither shows anything.
    if (typeOfRow(table, row) === "directory" || isWhiteoutDevice(directory, row)) continue;
    if (!/^([0-9a-f]{2})+$/.test(table.names[row]!)) continue;
    const { metacopy } = overlayMarks(directory, row, prefix);
    inodes.push({ row, inodeKey: table.inodeKey(row), handle: Buffer.from(table.names[row]!, "hex"), metacopy });
  }
  return { directory, inodes };
}

/** struct ovl_fb: version, magic, length, flags, type, the filesystem's uuid; then the handle that the filesystem made. */
const TYPE = 4;
const UUID = 5;
const HANDLE = 21;
/** FILEID_INO32_GEN and FILEID_INO64_GEN of linux/exportfs.h: what EROFS makes, the latter from Linux 6.6 on. */
const INODE_32 = 1;
const INODE_64 = 0x81;

/** The key that a layer image's hardlink group has for the inode of a file handle; `undefined` for a handle of another filesystem. */
export function groupKeyOfHandle(handle: Uint8Array): string | undefined {
  const bytes = Buffer.from(handle);
  const uuid = bytes.toString("hex", UUID, HANDLE);
  if (bytes[TYPE] === INODE_32 && bytes.length >= HANDLE + 4) return `${uuid}:${bytes.readUInt32LE(HANDLE)}`;
  if (bytes[TYPE] !== INODE_64 || bytes.length < HANDLE + 8) return undefined;
  return `${uuid}:${bytes.readUInt32LE(HANDLE) * 0x100000000 + bytes.readUInt32LE(HANDLE + 4)}`;
}
