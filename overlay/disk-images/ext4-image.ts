import { closeSync, ftruncateSync, openSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "node:child_process";
import { VarveError } from "../../core/errors.js";
import type { Ext4Shape } from "../../core/ports/tree-forms.js";
import { hasCode, SystemCallError } from "../../linux/errno.js";
import { attachLoopDevice, type LoopDevice } from "../../linux/loop-device.js";
import { MNT_DETACH, mount, MS_NOATIME, unmount } from "../../linux/mount.js";
import { enterPrivateMountNamespace } from "../../linux/namespaces.js";
import { AT_FDCWD, closeDescriptor, OPEN_DIRECTORY, openAt } from "../../linux/open-at.js";
import { syncDescriptor, syncFilesystem } from "../../linux/sync.js";
import { mountUnavailable } from "../mounts/image-mount.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { systemFailure } from "../system-failure.js";

const PROGRAM = "mke2fs";
/** Where the filesystem is filled, seen by nobody else: every root has it, and nothing of it is needed meanwhile. */
const PLACE = "/sys";
/** mke2fs makes it; e2fsck makes it anew when it needs it. It is no part of the tree. */
const LOST_AND_FOUND = path.join(PLACE, "lost+found");

/**
 * Makes an ext4 filesystem in a new, sparse file, and has it filled. Mounted where no other process sees it: whatever ends this one, no mount stays.
 *
 * mke2fs could fill it itself, without root, but not as the tree is: of times it drops what is below a second and after 2038, sockets and the further names of a
 * symlink it drops, and a directory of 100,000 names takes it minutes.
 *
 * @param file Absolute. Gone again when this fails.
 * @param fill Writes into an empty directory.
 * @throws VarveError RUNTIME_MISSING, MOUNT_UNAVAILABLE, DISK_FULL, IO; what `fill` throws.
 */
export async function writeExt4Image(file: string, shape: Ext4Shape, fill: (directory: string) => Promise<void>): Promise<void> {
  const program = findExecutable(PROGRAM) ?? lacksProgram();
  requireRoot();
  makeSparse(file, shape.size);
  try {
    makeFilesystem(program, file, shape);
    await withMounted(file, () => fillRoot(file, fill, shape.size));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

function makeSparse(file: string, size: number): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "wx");
    ftruncateSync(descriptor, size);
  } catch (error) {
    if (descriptor !== undefined) rmSync(file, { force: true });
    throw systemFailure("make an ext4 image", error, file);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function makeFilesystem(program: string, file: string, { inodes, seed, hasLargeXattrs }: Ext4Shape): void {
  const uuid = uuidOf(seed);
  const words = [
    ...["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-N", String(inodes), "-U", uuid],
    // Inodes that are zeroed at once need no thread of the kernel later; in a sparse file that takes no room.
    ...["-E", `hash_seed=${uuid},lazy_itable_init=0,lazy_journal_init=1,nodiscard,root_owner=0:0`],
    ...(hasLargeXattrs ? ["-O", "ea_inode"] : []),
    file,
  ];
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const { status, stderr, error } = spawnSync(program, words, { encoding: "utf8", env, cwd: "/" });
  if (status === 0) return;
  // It was not begun.
  if (error !== undefined) throw systemFailure("make an ext4 image", error, file);
  throw new VarveError("IO", `Cannot make an ext4 image: ${PROGRAM} says "${stderr.trim() || "nothing"}"`, {
    path: file,
  });
}

/** A uuid of version 8, "custom", of RFC 9562. */
function uuidOf(seed: string): string {
  const digits = `${seed.slice(0, 12)}8${seed.slice(13, 16)}8${seed.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function withMounted(file: string, work: () => Promise<void>): Promise<void> {
  const disk = mountFile(file);
  try {
    // The kernel tells each descriptor of the failures since it was opened.
    const root = openAt(AT_FDCWD, PLACE, OPEN_DIRECTORY);
    try {
      await work();
      orDiskFull(file, () => syncFilesystem(root));
    } catch (error) {
      unmount(PLACE, MNT_DETACH);
      throw error;
    } finally {
      closeDescriptor(root);
    }
    orDiskFull(file, () => unmount(PLACE));
    orDiskFull(file, () => syncDescriptor(disk.descriptor));
  } finally {
    disk.release();
  }
}

/** @returns The loop device, which tells what could not be written for as long as it is open. */
function mountFile(file: string): LoopDevice {
  try {
    enterPrivateMountNamespace();
    const disk = attachLoopDevice(Buffer.from(file).toString("latin1"), "write");
    try {
      mount({ source: disk.device, target: PLACE, type: "ext4", flags: MS_NOATIME, data: "noinit_itable" });
      return disk;
    } catch (error) {
      disk.release();
      throw error;
    }
  } catch (error) {
    throw error instanceof SystemCallError ? unavailable(error) : error;
  }
}

/** A write through the page cache to a full disk fails when nobody asks any more, so it is asked: of contents before, of all else after unmounting. */
function orDiskFull(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!hasCode(error, "EIO", "ENOSPC", "EDQUOT")) throw systemFailure("finish an ext4 image", error, file);
    throw new VarveError(
      "DISK_FULL",
      "Cannot write an ext4 image: a part of it could not be put on this disk, which may be full",
      {
        path: file,
        hint: "`df` tells whether it has room, dmesg what else may be wrong.",
        cause: error,
      },
    );
  }
}

async function fillRoot(file: string, fill: (directory: string) => Promise<void>, size: number): Promise<void> {
  try {
    rmdirSync(LOST_AND_FOUND);
    await fill(PLACE);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "DISK_FULL") throw error;
    throw new VarveError("DISK_FULL", `Cannot fill an ext4 image of ${size} bytes: it is too small, or this disk is full`, {
      path: file,
      hint: "Give it more with --size. `df` tells whether the disk has room.",
      cause: error,
    });
  }
}

/** A sentence that every ordinary user meets. */
const NEEDS_ROOT = "The kernel fills an ext4 image, which needs root. An EROFS image needs nobody's leave: --format erofs.";

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new VarveError("MOUNT_UNAVAILABLE", "Cannot make an ext4 image: this user may not mount it, wanted root", {
    hint: NEEDS_ROOT,
  });
}

function unavailable(error: SystemCallError): VarveError {
  if (error.path?.startsWith("/dev/") === true && !["EPERM", "EACCES"].includes(error.code)) {
    return new VarveError(
      "MOUNT_UNAVAILABLE",
      `Cannot fill an ext4 image: ${error.syscall} of ${error.path} says ${error.code}`,
      {
        hint: 'It takes a loop device: load the module ("modprobe loop"); a container needs the host\'s /dev. EROFS takes none: --format erofs.',
        cause: error,
      },
    );
  }
  if (!["EPERM", "EACCES"].includes(error.code)) return mountUnavailable("fill an ext4 image", error, undefined, "ext4");
  return new VarveError("MOUNT_UNAVAILABLE", `Cannot fill an ext4 image: ${error.syscall} says ${error.code}`, {
    hint: NEEDS_ROOT,
    cause: error,
  });
}

function lacksProgram(): never {
  throw new VarveError("RUNTIME_MISSING", `Cannot make an ext4 image: there is no ${PROGRAM}(8)`, {
    hint: 'Install the package "e2fsprogs", such as with "apt-get install e2fsprogs". An EROFS image needs no program: --format erofs.',
  });
}
