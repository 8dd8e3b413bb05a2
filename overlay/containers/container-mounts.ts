import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { S_IFDIR, S_IFREG } from "../../linux/stat.js";
import type { JoinedNetwork } from "../network/joined-network.js";
import { nameServers } from "../network/name-servers.js";
import { isRootEntry } from "../rootfs/root-files.js";
import { addLookups } from "./name-lookup.js";

const FILES = ["hostname", "hosts", "resolv.conf"] as const;
/** Where they are in a root. */
export const IDENTITY_FILES: readonly string[] = FILES.map((file) => `/etc/${file}`);

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
 * @param joined The network that it stands on.
 * @returns The binds. A name that in this root is no regular file of /etc (a symlink, say, or a whiteout) gets none.
 */
export function writeIdentityFiles(
  folder: string,
  { hostname, network, names = {} }: RunConfiguration,
  root: number,
  joined: JoinedNetwork | undefined,
): readonly { readonly source: string; readonly destination: string }[] {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(path.join(folder, "hostname"), `${hostname}\n`);
  if (network === "host") {
    copyHostFile("/etc/hosts", path.join(folder, "hosts"));
    copyHostFile("/etc/resolv.conf", path.join(folder, "resolv.conf"));
  } else {
    const own = joined?.address ?? "127.0.1.1";
    writeFileSync(
      path.join(folder, "hosts"),
      `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${own} ${hostname}\n`,
    );
    writeFileSync(path.join(folder, "resolv.conf"), joined === undefined ? "" : nameServers(joined));
  }
  addLookups(folder, names);
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
