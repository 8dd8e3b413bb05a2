import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { SystemCallError } from "../../linux/errno.js";
import { attachLoopDevice } from "../../linux/loop-device.js";
import { ENOTBLK, LONGEST_MOUNT_VALUE, MOUNT_ATTR_RDONLY, MountBuilder } from "../../linux/mount-builder.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import type { ImageMount } from "./mount-plan.js";

/**
 * Mounts a layer image read-only: the file itself from Linux 6.12 on, else through a loop device, which only images without
 * devices can have.
 *
 * @throws VarveError MOUNT_UNAVAILABLE.
 */
export function mountImage(step: ImageMount): void {
  try {
    withShortPaths([step.image, ...step.devices], ([image, ...devices]) => mountErofs(image!, devices, step.target));
  } catch (error) {
    // This kernel takes block devices alone, or files of other filesystems than this one (tmpfs).
    if (!(error instanceof SystemCallError && error.errno === ENOTBLK)) throw imageFailure(error, step.image);
    mountThroughLoopDevice(step);
  }
}

function mountThroughLoopDevice({ image, devices, target }: ImageMount): void {
  if (devices.length > 0) {
    throw new VarveError(
      "MOUNT_UNAVAILABLE",
      "Cannot mount a layer image: it refers to other images, and the kernel mounts no image files of this filesystem",
      {
        path: image,
        hint: "Linux 6.12 or newer with CONFIG_EROFS_FS_BACKED_BY_FILE is needed, and a store on a disk filesystem, not on tmpfs.",
      },
    );
  }
  try {
    const { device, release } = attachLoopDevice(image);
    try {
      mountErofs(device, [], target);
    } finally {
      release();
    }
  } catch (error) {
    throw imageFailure(error, image);
  }
}

function mountErofs(source: string, devices: readonly string[], target: string): void {
  const builder = new MountBuilder("erofs");
  try {
    builder.set("source", source);
    builder.flag("ro");
    for (const device of devices) builder.set("device", device);
    builder.attach(target, MOUNT_ATTR_RDONLY);
  } finally {
    builder.close();
  }
}

/** Where a path is longer than an option may be, /proc has a short one for it. */
function withShortPaths(paths: readonly string[], work: (short: readonly string[]) => void): void {
  const opened: number[] = [];
  const shorten = (path: string): string => {
    if (path.length <= LONGEST_MOUNT_VALUE) return path;
    opened.push(openAt(AT_FDCWD, path, O_PATH));
    return `/proc/self/fd/${opened.at(-1)}`;
  };
  try {
    work(paths.map(shorten));
  } finally {
    opened.forEach(closeDescriptor);
  }
}

function imageFailure(error: unknown, image: string): unknown {
  if (!(error instanceof SystemCallError)) return error;
  if (error.code === "ENOENT") {
    return refused("it is not there", image, error);
  }
  if (error.code === "EUCLEAN" || error.code === "EINVAL") {
    const detail = (error as { detail?: string }).detail;
    return refused(`the kernel refuses it (${detail || error.code})`, image, error);
  }
  return mountUnavailable("mount a layer image", error, image, "EROFS");
}

function refused(state: string, image: string, cause: unknown): VarveError {
  return new VarveError("LAYER_CORRUPT", `Cannot mount a layer image: ${state}`, {
    path: image,
    hint: "`varve fsck` tells which layers are damaged.",
    layers: [path.basename(image)],
    cause,
  });
}

/** A refusal that is about the kernel or about privileges, with what would help. */
export function mountUnavailable(
  action: string,
  error: SystemCallError,
  path: string | undefined,
  filesystem: string,
): VarveError {
  const hint = HINTS[error.code]?.(filesystem) ?? '"varve doctor" tells what this machine can do.';
  return new VarveError("MOUNT_UNAVAILABLE", `Cannot ${action}: ${error.syscall} says ${error.code}`, {
    path,
    hint,
    cause: error,
  });
}

const needsRights = (): string =>
  "Mounting needs root with CAP_SYS_ADMIN. In a container, add that capability, or run on the host.";
const HINTS: Readonly<Record<string, (filesystem: string) => string>> = {
  EPERM: needsRights,
  EACCES: needsRights,
  ENODEV: (filesystem) =>
    `This kernel has no ${filesystem}. Load its module ("modprobe ${filesystem.toLowerCase()}") or use a kernel that has it.`,
  ENOSYS: () => "Linux 5.2 or newer is needed.",
};
