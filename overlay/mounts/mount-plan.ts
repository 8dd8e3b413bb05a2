import type { LayerImageFile } from "../../core/ports/layer-store.js";

/** A mount as a value: what is mounted where. Paths are bytes in latin1; relative ones stand below the containers' directory. */
export type MountStep = ImageMount | RootBind | OverlayMount;

export interface ImageMount {
  readonly kind: "image";
  readonly image: string;
  /** In the order of the image's device table. */
  readonly devices: readonly string[];
  readonly target: string;
}

/** The filesystem of this machine's own root, without those that are mounted on it, read-only. */
export interface RootBind {
  readonly kind: "root";
  readonly target: string;
}

export interface OverlayMount {
  readonly kind: "overlay";
  /** The topmost first. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly target: string;
  /** Device nodes on it do nothing. */
  readonly withoutDevices: boolean;
  /** The upper directory may stand in the lower one, which an index does not take. */
  readonly withoutIndex?: true;
  /** In a user namespace: overlayfs keeps its marks in `user.overlay.` xattrs, and takes no features. */
  readonly userXattrs?: true;
}

/** Its path, among those of images. */
export const MACHINE_ROOT = "/";

/** What overlayfs stacks at most: OVL_MAX_STACK of the kernel's fs/overlayfs/overlayfs.h. */
export const DEEPEST_STACK = 500;

/** What a root is made of, newest first, as `ContainerRecord.layers`; `machine`: this machine's own root. */
export type RootImages = readonly LayerImageFile[] | UnpackedLayers | "machine";

/** Layers as directories, relative to the containers' directory, for a process that may not mount images. */
export interface UnpackedLayers {
  readonly directories: readonly string[];
}

export interface MountRequest {
  readonly images: RootImages;
  /** Below all images: the names that the runtime mounts on, so that they need not be made in the upper directory. */
  readonly mountPoints: string;
  readonly upper: string;
  readonly work: string;
  readonly target: string;
  readonly withoutDevices: boolean;
}

/**
 * The steps that make a container's root, in the order in which they are done.
 *
 * @param targetOf Where an image is mounted, by its path. The same for the same image, however often it is asked.
 * @param isMounted Images that this process has mounted already: they get no step.
 */
export function planMounts(
  { images, mountPoints, upper, work, target, withoutDevices }: MountRequest,
  targetOf: (imagePath: string) => string,
  isMounted: (imagePath: string) => boolean,
): readonly MountStep[] {
  const overlay = { upper, work, target, withoutDevices };
  if (images === "machine") {
    const root = targetOf(MACHINE_ROOT);
    const bind: readonly MountStep[] = isMounted(MACHINE_ROOT) ? [] : [{ kind: "root", target: root }];
    return [...bind, { kind: "overlay", lower: [root], ...overlay, withoutIndex: true }];
  }
  if ("directories" in images) {
    const lower = [...images.directories, mountPoints];
    return [{ kind: "overlay", lower, ...overlay, userXattrs: true }];
  }
  const planned = new Set<string>();
  const steps: MountStep[] = [];
  const lower: string[] = [];
  for (const { path, devices } of images) {
    // A layer that stands in the chain twice (a revert of a revert) is mounted once; overlay refuses the same directory twice.
    if (planned.has(path)) continue;
    planned.add(path);
    lower.push(targetOf(path));
    if (!isMounted(path)) steps.push({ kind: "image", image: path, devices, target: targetOf(path) });
  }
  return [...steps, { kind: "overlay", lower: [...lower, mountPoints], ...overlay }];
}
