import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, statSync, writeFileSync } from "node:fs";
import path, { posix } from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { S_IFDIR, S_IFREG } from "../../linux/stat.js";
import { latin1 } from "./container-directory.js";
import { isRootEntry, makeMountPoint } from "../rootfs/root-files.js";

const FILES = ["hostname", "hosts", "resolv.conf"] as const;

/** A name that no container id has. */
export const MOUNT_POINTS = "mount-points";

/**
 * Makes the lowest layer of every container, once a store: the names that are mounted on, so that a root which lacks them gets them
 * without a trace in its upper directory. A root that has them shows its own.
 */
export function makeMountPointLayer(containers: string): void {
  const layer = path.join(containers, MOUNT_POINTS);
  // The last of them stands only when all do.
  if (existsSync(path.join(layer, "etc", FILES.at(-1)!))) return;
  for (const folder of ["proc", "sys", "dev", "etc"]) mkdirSync(path.join(layer, folder), { recursive: true, mode: 0o755 });
  for (const file of FILES) closeSync(openSync(path.join(layer, "etc", file), "a", 0o644));
}

/**
 * Writes the files that a run binds over /etc: who and where it is, which no layer should hold.
 *
 * @param folder Where they are written. @param root A descriptor of the mounted root.
 * @returns The binds. A name that in this root is no regular file of /etc (a symlink, say, or a whiteout) gets none.
 */
export function writeIdentityFiles(
  folder: string,
  { hostname, network }: RunConfiguration,
  root: number,
): readonly { readonly source: string; readonly destination: string }[] {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(path.join(folder, "hostname"), `${hostname}\n`);
  if (network === "host") {
    copyHostFile("/etc/hosts", path.join(folder, "hosts"));
    copyHostFile("/etc/resolv.conf", path.join(folder, "resolv.conf"));
  } else {
    writeFileSync(
      path.join(folder, "hosts"),
      `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 ${hostname}\n`,
    );
    writeFileSync(path.join(folder, "resolv.conf"), "");
  }
  if (!isRootEntry(root, "etc", S_IFDIR)) return [];
  return FILES.filter((file) => isRootEntry(root, `etc/${file}`, S_IFREG)).map((file) => ({
    source: path.join(folder, file),
    destination: `/etc/${file}`,
  }));
}

function copyHostFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    writeFileSync(to, "");
  }
}

/**
 * Checks a root for what a run relies on, and makes the mount points of its volumes.
 *
 * @throws VarveError RUNTIME_FAILED, SOURCE_MISSING.
 */
export function prepareMountPoints({ volumes, workingDirectory }: RunConfiguration, root: number): void {
  // Through a descriptor that a runtime left open, /proc leads out of the container (CVE-2024-21626).
  if (isWithin(posix.normalize(workingDirectory), "/proc")) {
    throw new VarveError("RUNTIME_FAILED", `Cannot start the process in "${workingDirectory}": it is within /proc`);
  }
  for (const name of ["proc", "sys", "dev"]) {
    // Mounting on a symlink would follow it to a place that the image chose.
    if (!isRootEntry(root, name, S_IFDIR)) {
      throw new VarveError("RUNTIME_FAILED", `Cannot start the container: its "/${name}" is no directory`);
    }
  }
  for (const { source, destination } of volumes) {
    const kind = kindOf(source);
    const outer = volumes.some((other) => other.destination !== destination && isWithin(destination, other.destination));
    if (outer || ["/proc", "/sys", "/dev"].some((system) => isWithin(destination, system))) continue;
    try {
      makeMountPoint(root, latin1(destination), kind);
    } catch (error) {
      throw new VarveError(
        "RUNTIME_FAILED",
        `Cannot mount the volume "${source}" on "${destination}": ${(error as Error).message}`,
        {
          path: destination,
          cause: error,
        },
      );
    }
  }
}

function kindOf(source: string): "directory" | "file" {
  try {
    return statSync(source).isDirectory() ? "directory" : "file";
  } catch (error) {
    throw new VarveError("SOURCE_MISSING", `Cannot mount the volume "${source}": it is not there`, {
      path: source,
      hint: "Make it first: a volume's source must exist.",
      cause: error,
    });
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
