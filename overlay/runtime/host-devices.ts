import { lstatSync, readdirSync, statSync, type BigIntStats } from "node:fs";
import { posix } from "node:path";
import { VarveError } from "../../core/errors.js";
import type { DeviceRequest } from "../../core/ports/isolation.js";
import { hasCode } from "../../linux/errno.js";

/** As an OCI runtime makes it. */
export interface DeviceNode {
  readonly type: "c" | "b";
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What the device cgroup says. Without a number it is about all. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly access: string;
  readonly type?: "c" | "b";
  readonly major?: number;
  readonly minor?: number;
}

export interface ContainerDevices {
  readonly nodes: readonly DeviceNode[];
  readonly rules: readonly DeviceRule[];
}

/** Every container has its own of these, or none. */
const OWN = ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"];

/**
 * The devices of this machine that a container gets beside those that each has.
 *
 * @param privileged Gives all of them, and all that come later.
 * @throws VarveError SOURCE_MISSING; WRONG_TYPE for what is no device.
 */
export function containerDevices(requests: readonly DeviceRequest[], privileged: boolean): ContainerDevices {
  const asked = requests.flatMap((request) => devicesAt(request).map((node) => ({ node, access: request.access })));
  const denied = { allow: privileged, access: "rwm" };
  const all = privileged ? nodesBelow("/dev", "/dev", true) : [];
  const paths = new Set(asked.map(({ node }) => node.path));
  return {
    nodes: [...all.filter(({ path }) => !paths.has(path)), ...asked.map(({ node }) => node)],
    rules: [denied, ...asked.map(({ node: { type, major, minor }, access }) => ({ allow: true, access, type, major, minor }))],
  };
}

function devicesAt({ source, destination }: DeviceRequest): readonly DeviceNode[] {
  const stat = statOf(source);
  if (stat.isDirectory()) {
    const found = nodesBelow(source, destination, false);
    if (found.length > 0) return found;
    throw new VarveError("WRONG_TYPE", `Cannot give the container "${source}": the directory holds no device`, { path: source });
  }
  const node = nodeOf(stat, destination);
  if (node !== undefined) return [node];
  throw new VarveError("WRONG_TYPE", `Cannot give the container "${source}": it is no device`, {
    path: source,
    hint: "Files and directories are shown with -v.",
  });
}

function nodesBelow(folder: string, destination: string, isDev: boolean): readonly DeviceNode[] {
  return readdirSync(folder)
    .filter((name) => !isDev || !OWN.includes(name))
    .flatMap((name) => {
      const [from, to] = [posix.join(folder, name), posix.join(destination, name)];
      const stat = lstatOf(from);
      if (stat === undefined) return [];
      if (stat.isDirectory()) return nodesBelow(from, to, false);
      const node = nodeOf(stat, to);
      return node === undefined ? [] : [node];
    });
}

function statOf(source: string): BigIntStats {
  try {
    return statSync(source, { bigint: true });
  } catch (cause) {
    throw new VarveError("SOURCE_MISSING", `Cannot give the container "${source}": this machine has no such device`, {
      path: source,
      cause,
    });
  }
}

/** What goes meanwhile was not there. */
function lstatOf(file: string): BigIntStats | undefined {
  try {
    return lstatSync(file, { bigint: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function nodeOf(stat: BigIntStats, path: string): DeviceNode | undefined {
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
  return {
    type: stat.isCharacterDevice() ? "c" : "b",
    path,
    // As gnu_dev_major and gnu_dev_minor of sys/sysmacros.h take them apart.
    major: Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & 0xfffff000n)),
    minor: Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & 0xffffff00n)),
    fileMode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
  };
}
