import { readFileSync } from "node:fs";
import os from "node:os";
import type { ContainerUsage } from "../../core/ports/container-usage.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { cgroupMounts, cgroupPath } from "../runtime/cgroups.js";
import { networkUsage, usageOfVersion1, usageOfVersion2 } from "../runtime/cgroup-usage.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";

/** `Containers.usage`. */
export function readUsage(directory: ContainerDirectory, { configuration }: ContainerRecord): ContainerUsage | undefined {
  const pid = livingProcess(directory);
  if (pid === undefined) return undefined;
  const mounts = cgroupMounts();
  // A hybrid machine counts by version 1: there version 2 has no controllers.
  const first = mounts.filter(({ version }) => version === 1);
  const file = (name: string): string | undefined => {
    const controller = name.split(".")[0] ?? "";
    const mount = first.length === 0 ? mounts[0] : first.find(({ controllers }) => controllers.includes(controller));
    return mount === undefined ? undefined : tryRead(`${mount.path}${cgroupPath(directory.id)}/${name}`);
  };
  const usage = (first.length === 0 ? usageOfVersion2 : usageOfVersion1)(file, os.totalmem());
  // Gone meanwhile.
  if (livingProcess(directory) === undefined) return undefined;
  const devices = configuration.network === "host" ? undefined : tryRead(`/proc/${pid}/net/dev`);
  return devices === undefined ? usage : { ...usage, network: networkUsage(devices) };
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV", "ESRCH", "EINVAL", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}
