import { mkdirSync } from "node:fs";
import { hasCode, SystemCallError } from "../../linux/errno.js";
import { MNT_DETACH, mount, MS_BIND, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_REMOUNT, unmount } from "../../linux/mount.js";
import { attachMount } from "../../linux/mount-builder.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { enterPrivateMountNamespace } from "../../linux/namespaces.js";
import { withWorkingDirectory } from "../../linux/working-directory.js";
import { mountImage, mountUnavailable } from "./image-mount.js";
import { MACHINE_ROOT, planMounts, type MountRequest, type MountStep } from "./mount-plan.js";
import { mountOverlay } from "./overlay-mount.js";
import { borrowImages } from "./shared-images.js";
import { systemFailure } from "../system-failure.js";

/** A name that no container id has. */
export const MOUNTS = "mounts";
/** After a root's name. */
const BESIDE = ".shm";

/**
 * The mounts of this process, below `<containers>/mounts`: a tmpfs that only this process and those that it starts can see. Each
 * image is mounted once, however many containers stand on it.
 */
export class MountedRoots {
  readonly #directory: string;
  readonly #numbers = new Map<string, number>();
  readonly #mounted = new Set<string>();
  readonly #holders: () => Iterable<number>;
  #entered = false;

  /**
   * Nothing is done yet.
   *
   * @param directory The containers' directory, absolute.
   * @param holders Processes in whose mount namespaces other runs of this store stand: their images are shared.
   */
  constructor(directory: string, holders: () => Iterable<number> = () => []) {
    this.#directory = directory;
    this.#holders = holders;
  }

  /**
   * Mounts a container's root.
   *
   * @param request `upper`, `work` and `mountPoints` relative to the containers' directory.
   * @param name The mount point's name, such as the container's id.
   * @param beforeOverlay Called with the working directory set to the containers' directory, when all images are mounted.
   *   Gets the topmost lower directory, relative to it.
   * @returns The root's absolute path.
   * @throws VarveError MOUNT_UNAVAILABLE, LAYER_CORRUPT.
   */
  mount(request: Omit<MountRequest, "target">, name: string, beforeOverlay: (topmost: string) => void): string {
    this.enter();
    const target = `${MOUNTS}/${name}`;
    mkdirSync(`${this.#directory}/${target}`, { recursive: true });
    const steps = planMounts(
      { ...request, target },
      (image) => this.#targetOf(image),
      (image) => this.#mounted.has(image),
    );
    const shared = this.#borrow(steps);
    // Relative paths stay below the 255 bytes of an option's value, and hold no character that options quote.
    withWorkingDirectory(latin1(this.#directory), () => {
      for (const step of steps) {
        if (step.kind === "overlay") {
          beforeOverlay(step.lower[0]!);
          mountOverlay(step);
        } else if (step.kind === "root") {
          mkdirSync(step.target, { recursive: true });
          bindRoot(step.target);
          this.#mounted.add(MACHINE_ROOT);
        } else {
          mkdirSync(step.target, { recursive: true });
          const copy = shared.get(latin1(step.image));
          if (copy === undefined) mountImage({ ...step, image: latin1(step.image), devices: step.devices.map(latin1) });
          else attachCopy(copy, step.target);
          this.#mounted.add(step.image);
        }
      }
    });
    return `${this.#directory}/${target}`;
  }

  /** @returns Descriptors by the image's path. */
  #borrow(steps: readonly MountStep[]): ReadonlyMap<string, number> {
    const images = steps.flatMap((step) => (step.kind === "image" ? [latin1(step.image)] : []));
    return images.length === 0 ? new Map() : borrowImages(this.#holders(), latin1(`${this.#directory}/${MOUNTS}`), images);
  }

  /**
   * Puts a mount that stands nowhere yet beside a root. It is taken down with that.
   * @param copy Its descriptor, which is closed. @param name The root's. @returns Where it is, absolute.
   */
  attachBeside(copy: number, name: string): string {
    const target = `${this.#directory}/${MOUNTS}/${name}${BESIDE}`;
    mkdirSync(target, { recursive: true });
    attachCopy(copy, latin1(target));
    return target;
  }

  /** Where this machine's root is mounted read-only, for as long as this process lives. @returns Its absolute path. */
  machinePath(): string {
    return `${this.#directory}/${this.#targetOf(MACHINE_ROOT)}`;
  }

  /** The image's mount point, relative to the containers' directory; numbered in the order of asking. */
  #targetOf(image: string): string {
    const number = this.#numbers.get(image) ?? this.#numbers.size;
    this.#numbers.set(image, number);
    return `${MOUNTS}/${number}`;
  }

  /** Takes a root down. The images stay for the next one. Does nothing when it isn't mounted. */
  unmount(name: string): void {
    if (!this.#entered) return;
    for (const place of [name, `${name}${BESIDE}`]) {
      try {
        unmount(latin1(`${this.#directory}/${MOUNTS}/${place}`), MNT_DETACH);
      } catch (error) {
        if (!hasCode(error, "EINVAL", "ENOENT")) throw error;
      }
    }
  }

  /**
   * Moves this process into a mount namespace of its own, once.
   * @throws VarveError MOUNT_UNAVAILABLE without the privilege.
   */
  enter(): void {
    if (this.#entered) return;
    const target = `${this.#directory}/${MOUNTS}`;
    try {
      enterPrivateMountNamespace();
      mkdirSync(target, { recursive: true, mode: 0o700 });
      mount({ source: "varve", target: latin1(target), type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data: "mode=0700" });
    } catch (error) {
      if (error instanceof SystemCallError) throw mountUnavailable("make a private mount namespace", error, target, "tmpfs");
      throw systemFailure("make the directory of mounts", error, target);
    }
    this.#entered = true;
  }
}

/** Puts a borrowed mount at a directory. */
function attachCopy(copy: number, target: string): void {
  const place = openAt(AT_FDCWD, target, O_PATH);
  try {
    attachMount(copy, place);
  } finally {
    closeDescriptor(place);
    closeDescriptor(copy);
  }
}

/**
 * Takes down the mounts of a run in whose mount namespace this process was started, for all processes in it. Does nothing where there are none.
 *
 * @param directory The containers' directory, absolute.
 */
export function leaveMounts(directory: string): void {
  try {
    unmount(latin1(`${directory}/${MOUNTS}`), MNT_DETACH);
  } catch (error) {
    if (!hasCode(error, "EINVAL", "ENOENT")) throw error;
  }
}

/** @throws VarveError MOUNT_UNAVAILABLE. */
function bindRoot(target: string): void {
  try {
    mount({ source: "/", target, type: "none", flags: MS_BIND });
    mount({ source: "none", target, type: "none", flags: MS_BIND | MS_REMOUNT | MS_RDONLY });
  } catch (error) {
    throw error instanceof SystemCallError ? mountUnavailable("show this machine's root", error, "/", "overlay") : error;
  }
}

function latin1(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}
