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
