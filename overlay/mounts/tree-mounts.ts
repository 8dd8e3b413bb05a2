import { constants, mkdirSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import type { TreeMounts } from "../../core/ports/tree-mounts.js";
import { hasCode, SystemCallError } from "../../linux/errno.js";
import { mount, MS_NODEV, MS_NOSUID, unmount } from "../../linux/mount.js";
import { attachMount, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from "../../linux/mount-builder.js";
import { mountOf, placeOf } from "../../linux/mount-table.js";
import { inPassingMountNamespace } from "../../linux/namespaces.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { withWorkingDirectory } from "../../linux/working-directory.js";
import { systemFailure } from "../system-failure.js";
import { mountImage, mountUnavailable } from "./image-mount.js";
import { MOUNT_SOURCE, stackReadOnly } from "./overlay-mount.js";

/** Below all images: overlayfs takes no single directory. */
const EMPTY = "empty";
/** A tree may hold programs that are setuid root, and devices: they belong to a container, not to this machine's users. */
const ATTRIBUTES = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/** Where images get mount points, seen by nobody else: every root has it, and no image stands in it. */
const PLACE = "/sys";

export const treeMounts: TreeMounts = { mount: mountTree, unmount: unmountTree };

function mountTree(images: readonly LayerImageFile[], directory: string): void {
  const target = openTarget(directory, "mount a commit on");
  try {
    const tree = inPassingMountNamespace(() => stackImages(images));
    try {
      attachMount(tree, target);
    } finally {
      closeDescriptor(tree);
    }
  } catch (error) {
    if (error instanceof SystemCallError) throw mountUnavailable("mount a commit's tree", error, directory, "overlay");
    throw error;
  } finally {
    closeDescriptor(target);
  }
}

/** @returns A descriptor of the tree, mounted nowhere: it keeps the images' mounts, which go with the namespace. */
function stackImages(images: readonly LayerImageFile[]): number {
  mount({ source: MOUNT_SOURCE, target: PLACE, type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data: "mode=0700" });
  return withWorkingDirectory(PLACE, () => {
    // A layer that stands in the chain twice is mounted once: overlay refuses the same directory twice.
    const distinct = [...new Map(images.map((image) => [image.path, image])).values()];
    const lower = distinct.map(({ path, devices }, index) => {
      const name = String(index);
      mkdirSync(name);
      mountImage({ kind: "image", image: latin1(path), devices: devices.map(latin1), target: name });
      return name;
    });
    mkdirSync(EMPTY);
    return stackReadOnly([...lower, EMPTY], ATTRIBUTES);
  });
}

function openTarget(directory: string, action: string): number {
  try {
    return openAt(AT_FDCWD, latin1(directory), O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    if (hasCode(error, "ENOENT")) {
      throw new VarveError("PATH_MISSING", `Cannot ${action} "${directory}": it is not there, wanted a directory`, {
        path: directory,
      });
    }
    if (hasCode(error, "ENOTDIR")) {
      throw new VarveError("WRONG_TYPE", `Cannot ${action} "${directory}": it is no directory`, { path: directory });
    }
    throw systemFailure(`${action} "${directory}"`, error, directory);
  }
}

function unmountTree(directory: string): void {
  const place = mountedAt(directory);
  try {
    unmount(place);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    if (error.code !== "EBUSY") throw mountUnavailable("unmount a commit's tree", error, directory, "overlay");
    throw new VarveError("MOUNT_UNAVAILABLE", `Cannot unmount "${directory}": a process uses it`, {
      path: directory,
      hint: `"fuser -vm ${directory}" tells which. One that merely stands in it must leave it.`,
      cause: error,
    });
  }
}

/** @returns The mount point's own path, without links. */
function mountedAt(directory: string): string {
  const descriptor = openTarget(directory, "unmount");
  try {
    const place = placeOf(descriptor);
    const found = mountOf(descriptor);
    // What stands below the mount point is of the same mount.
    if (found?.type === "overlay" && found.source === MOUNT_SOURCE && found.place === place) return place;
  } finally {
    closeDescriptor(descriptor);
  }
  throw new VarveError("NOT_MOUNTED", `Cannot unmount "${directory}": no commit is mounted there`, {
    path: directory,
    hint: "`findmnt -t overlay` lists what is mounted; others' mounts are left to umount(8).",
  });
}

function latin1(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}
