import type { LayerProgress } from "../model/layer-progress.js";
import type { Tree } from "../model/tree.js";

/** Forms of a tree that are no archive: what a kernel mounts, and what LXC runs. Each tells `observe` how far it is, now and then. */
export interface TreeForms {
  /**
   * One EROFS image of the whole tree, the same bytes for the same tree. Needs no privileges.
   * @param file Not there; when it fails it is gone again.
   * @throws VarveError UNSUPPORTED, PERMISSION, DISK_FULL, INTERRUPTED; what reading the tree throws.
   */
  writeErofs(tree: Tree, file: string, observe?: Observe): Promise<void>;

  /**
   * An ext4 filesystem with the tree, sparse. The kernel places its blocks: files are the same each time, bytes are not.
   * @param file Not there; when it fails it is gone again.
   * @throws VarveError RUNTIME_MISSING without mke2fs, MOUNT_UNAVAILABLE without root, DISK_FULL where the filesystem or this disk is too small, INTERRUPTED;
   *   what reading the tree throws.
   */
  writeExt4(tree: Tree, file: string, shape: Ext4Shape, observe?: Observe): Promise<void>;

  /**
   * A container of LXC's: the tree in `rootfs`, then `config`, so that a directory with a config is whole.
   * @param directory Absolute; made when absent. When it fails, what it wrote is gone again.
   * @param config Its text.
   * @throws VarveError as PlainDirectories.writeTree.
   */
  writeContainer(tree: Tree, directory: string, config: string, observe?: Observe): Promise<void>;
}

type Observe = (progress: LayerProgress) => void;

export interface Ext4Shape {
  /** Bytes. */
  readonly size: number;
  /** At least as many. */
  readonly inodes: number;
  /** 32 hex digits: the filesystem's uuid is made of them. */
  readonly seed: string;
  /** Xattrs in inodes of their own (the feature ea_inode), for those that one block does not hold. */
  readonly hasLargeXattrs: boolean;
}
