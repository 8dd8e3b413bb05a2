import type { LayerImageFile } from "./layer-store.js";

/** Trees of commits as directories of this machine, read-only. */
export interface TreeMounts {
  /**
   * Mounts what a chain of layers adds up to. Killed at any moment it has mounted nothing or all.
   *
   * @param images Of `LayerStore.images`, the topmost first.
   * @param directory Absolute; it must be there. What stands in it is hidden meanwhile.
   * @throws VarveError MOUNT_UNAVAILABLE, LAYER_CORRUPT; PATH_MISSING, WRONG_TYPE for the directory.
   */
  mount(images: readonly LayerImageFile[], directory: string): void;

  /** @throws VarveError NOT_MOUNTED when no tree of ours is mounted there; MOUNT_UNAVAILABLE while it is used. */
  unmount(directory: string): void;
}
