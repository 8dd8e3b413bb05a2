import { statfsSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { hasCode, SystemCallError } from "../../linux/errno.js";
import { mount, MS_NODEV } from "../../linux/mount.js";
import { MOUNT_ATTR_NODEV, MountBuilder } from "../../linux/mount-builder.js";
import { mountUnavailable } from "./image-mount.js";
import { forgetIndexOwner } from "./index-owner.js";
import { DEEPEST_STACK, type OverlayMount } from "./mount-plan.js";
import { pauseThread } from "../pause-thread.js";

/** Wanted, but left out where the kernel does not know them. What each does for us stands in decision record 0002. */
export const OVERLAY_FEATURES: readonly (readonly [name: string, value: string])[] = [
  ["redirect_dir", "on"],
  ["metacopy", "on"],
  ["index", "on"],
];

/** What overlayfs refuses together with `userxattr` is not asked for. */
const USER_FEATURES: typeof OVERLAY_FEATURES = [["userxattr", ""]];

function featuresOf({ withoutIndex, userXattrs }: OverlayMount): typeof OVERLAY_FEATURES {
  if (userXattrs === true) return USER_FEATURES;
  return withoutIndex === true
    ? OVERLAY_FEATURES.map(([name, value]) => [name, name === "index" ? "off" : value])
    : OVERLAY_FEATURES;
}

/** What the mount table shows as the device of our overlays. */
export const MOUNT_SOURCE = "varve";

/** An overlay that was just left is taken down by a kernel thread, some milliseconds later. */
const BUSY_ATTEMPTS = 40;
const BUSY_PAUSE_MILLISECONDS = 25;

/** @throws VarveError MOUNT_UNAVAILABLE. */
export function mountOverlay(step: OverlayMount): void {
  if (step.lower.length > DEEPEST_STACK) {
    throw new VarveError(
      "MOUNT_UNAVAILABLE",
      `Cannot mount the container's root: it has ${step.lower.length - 1} layers, and the kernel stacks ${DEEPEST_STACK - 1} at most`,
      { hint: '"varve squash" makes one layer of many.' },
    );
  }
  try {
    mountPatiently(step);
  } catch (error) {
    if (!hasCode(error, "ESTALE")) throw mountFailure(error, step);
    remount(step);
  }
}

function mountPatiently(step: OverlayMount): void {
  for (let attempt = 1; ; attempt++) {
    try {
      return mountOnce(step);
    } catch (error) {
      if (!hasCode(error, "EBUSY") || attempt === BUSY_ATTEMPTS) throw error;
      pauseThread(BUSY_PAUSE_MILLISECONDS);
    }
  }
}

/** Of an upper directory that was copied; one that was written over other layers is still refused. */
function remount(step: OverlayMount): void {
  try {
    forgetIndexOwner(step.work);
    mountPatiently(step);
  } catch (error) {
    if (!hasCode(error, "ESTALE")) throw mountFailure(error, step);
    throw new VarveError("MOUNT_UNAVAILABLE", "Cannot mount the container's root: what it wrote belongs to other layers", {
      hint: 'The kernel or the layers are not those it was last started with. "varve commit CONTAINER" keeps all that it holds, and makes it stand on the new commit; then it can be started.',
      cause: error,
    });
  }
}

function mountFailure(error: unknown, { upper }: OverlayMount): unknown {
  if (!(error instanceof SystemCallError)) return error;
  const filesystem = error.code === "EINVAL" ? unsuitableFilesystem(upper) : undefined;
  if (filesystem === undefined) return mountUnavailable("mount the container's root", error, undefined, "overlay");
  return new VarveError(
    "MOUNT_UNAVAILABLE",
    `Cannot mount the container's root: the store is on ${filesystem}, where overlayfs takes no directory to write to`,
    {
      hint: "Have the store on another filesystem, such as a tmpfs, or a volume or bind mount of the container around this: name it with --store or VARVE_STORE.",
      cause: error,
    },
  );
}

/** Of linux/magic.h: filesystems whose names change behind the kernel's back, or that keep no xattrs of ours. */
const UNSUITABLE: Readonly<Record<number, string>> = {
  0x794c7630: "overlayfs",
  0x6969: "NFS",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x01021997: "9p",
  0x65735546: "FUSE",
  0x4d44: "FAT",
};

function unsuitableFilesystem(upper: string): string | undefined {
  try {
    return UNSUITABLE[statfsSync(upper).type];
  } catch {
    return undefined;
  }
}

function mountOnce(step: OverlayMount): void {
  try {
    const builder = new MountBuilder("overlay");
    try {
      builder.set("source", MOUNT_SOURCE);
      for (const lower of step.lower) builder.set("lowerdir+", lower);
      builder.set("upperdir", step.upper);
      builder.set("workdir", step.work);
      if (step.userXattrs === true) builder.flag("userxattr");
      else for (const [name, value] of featuresOf(step)) builder.trySet(name, value);
      builder.attach(step.target, step.withoutDevices ? MOUNT_ATTR_NODEV : 0);
    } finally {
      builder.close();
    }
  } catch (error) {
    // Before Linux 6.7 there is no `lowerdir+`.
    if (!hasCode(error, "EINVAL")) throw error;
    mountByOptions(step);
  }
}

/**
 * An overlay without an upper directory, which nobody writes.
 *
 * @param lower Short names without colons, the topmost first; at least two. @param attributes MOUNT_ATTR_…
 * @returns A descriptor of the mount, which stands nowhere yet.
 * @throws SystemCallError.
 */
export function stackReadOnly(lower: readonly string[], attributes: number): number {
  const builder = new MountBuilder("overlay");
  try {
    builder.set("source", MOUNT_SOURCE);
    builder.set("lowerdir", lower.join(":"));
    // An index is for what is copied up.
    for (const [name, value] of OVERLAY_FEATURES) if (name !== "index") builder.trySet(name, value);
    return builder.create(attributes);
  } finally {
    builder.close();
  }
}

/** With fewer and fewer features: mount(2) refuses an option that it does not know together with all others. */
function mountByOptions(step: OverlayMount): void {
  const features = featuresOf(step);
  for (let count = features.length; ; count--) {
    const data = overlayOptions(step, features.slice(0, count));
    try {
      return mount({
        source: MOUNT_SOURCE,
        target: step.target,
        type: "overlay",
        flags: step.withoutDevices ? MS_NODEV : 0,
        data,
      });
    } catch (error) {
      if (count === 0 || step.userXattrs === true || !hasCode(error, "EINVAL")) throw error;
    }
  }
}

/** The option text of mount(2): at most 4095 bytes. */
export function overlayOptions(
  { lower, upper, work }: Pick<OverlayMount, "lower" | "upper" | "work">,
  features: readonly (readonly [name: string, value: string])[] = [],
): string {
  return [
    `lowerdir=${lower.map((path) => escapeOption(path).replaceAll(":", "\\:")).join(":")}`,
    `upperdir=${escapeOption(upper)}`,
    `workdir=${escapeOption(work)}`,
    ...features.map(([name, value]) => (value === "" ? name : `${name}=${value}`)),
  ].join(",");
}

/** A comma ends an option, a backslash quotes. */
function escapeOption(path: string): string {
  return path.replace(/[\\,]/g, "\\$&");
}
