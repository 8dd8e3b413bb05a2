import type { ByteString } from "../model/byte-string.js";
import type { Tree } from "../model/tree.js";

/** A moment of the filesystem's own clock. */
export interface FileTime {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A part of this machine's tree that is never written to, with all below it. */
export interface MachineBound {
  readonly place: ByteString;
  /** Says why, after the place: `is of the kernel`. */
  readonly reason: string;
}

export type Places = ReadonlySet<ByteString>;

/** A changed path that is left alone. */
export interface SkippedPath {
  readonly path: ByteString;
  readonly bound: MachineBound;
}

/**
 * The files of this machine's own root, on the filesystem that `/` is on: what other filesystems hold is neither seen nor touched, not even through a
 * symlink.
 */
export interface MachineFiles {
  /** `/proc` and its like, mount points, the store. In byte order of place. */
  bounds(): readonly MachineBound[];

  /**
   * What stands at certain paths, with the directories that lead there, and without what else stands in these. Hardlinks are told as far as all their
   * names are among the paths. Read when it is asked.
   *
   * @throws VarveError PERMISSION to who may not copy mounts; while reading SOURCE_UNREADABLE, SOURCE_CHANGED.
   */
  openTree(paths: ReadonlySet<ByteString>): Tree;

  /**
   * Which of the paths somebody has changed since a moment, as their inodes tell. Of a directory only its own properties count, not the names in it. What
   * is absent is not told.
   */
  changedSince(paths: Iterable<ByteString>, moment: FileTime): readonly ByteString[];

  /** Whether names came or went in the directory of a path since a moment; where it is gone, in the nearest one above that is there. */
  hasNamesChangedSince(path: ByteString, moment: FileTime): boolean;

  /** Directories among the paths that hold other names than those, or lead to a bound: they stay, whatever becomes of the paths. */
  sharedDirectories(paths: ReadonlySet<ByteString>): ReadonlySet<ByteString>;

  /**
   * Makes those paths that `current` and `target` show equal to `target`, touching only what differs; as `Worktree.apply`. No symlink is followed.
   *
   * @param current What `openTree` gave just now. @param keep What `sharedDirectories` gave.
   * @throws VarveError PERMISSION, DISK_FULL, CONFLICT, INTERRUPTED: before anything is moved, and then all is as it was.
   */
  apply(current: Tree, target: Tree, keep: ReadonlySet<ByteString>): Promise<void>;

  /** Removes what an `apply` that was killed wrote beside such paths. */
  clearLeftovers(paths: ReadonlySet<ByteString>): void;
}
