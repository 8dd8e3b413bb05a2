import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { randomId } from "../../core/model/random-id.js";
import type { Limits } from "../../core/ports/container-limits.js";
import type { ContainerRecord, RunConfiguration } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { canLimitSwap } from "../runtime/cgroups.js";
import { chooseRuntime } from "../runtime/chosen-runtime.js";
import { updateRunning } from "../runtime/oci-runtime.js";
import { runtimeErrors } from "../runtime/runtime-log.js";
import { CPU_PERIOD_MICROSECONDS, limitResources, type LimitResources } from "../runtime/runtime-resources.js";
import { systemFailure } from "../system-failure.js";
import type { ContainerDirectory } from "./container-directory.js";
import { limitsUnavailable } from "./prepare-run.js";
import { requireNamespace } from "./written-ids.js";
import { livingProcess } from "./container-process.js";

/** Gives a container that runs other limits. @returns Its configuration with them. One that does not run gets its own at its next start. @throws VarveError RUNTIME_FAILED. */
export function limitRunning(
  directory: ContainerDirectory,
  { name, configuration }: ContainerRecord,
  after: Limits,
): RunConfiguration {
  const limited = { ...configuration, limits: after };
  if (livingProcess(directory) === undefined) return limited;
  requireNamespace(directory);
  const runtime = chooseRuntime(path.join(directory.path, "../runtime.json"));
  if (!runtime.cgroups) throw limitsUnavailable();
  // A name of its own: several may change one container at once.
  const base = `${directory.file("runtime")}/update-${randomId(6)}`;
  const [resources, log] = [`${base}.json`, `${base}.log`];
  try {
    writeFileSync(resources, JSON.stringify(changedResources(configuration.limits, after)), { mode: 0o600 });
    if (updateRunning(runtime, { state: directory.file("runtime"), log }, directory.id, resources) === 0) return limited;
    // It has ended meanwhile: nothing is left to limit.
    if (livingProcess(directory) === undefined) return limited;
    const said = runtimeErrors(existsSync(log) ? readFileSync(log, "utf8") : "").at(-1) ?? "it says nothing";
    throw new VarveError("RUNTIME_FAILED", `Cannot change the limits of container "${name}": ${runtime.name} says "${said}"`, {
      hint: "The container runs on with the limits that it had. The kernel refuses less memory than is in use.",
    });
  } catch (error) {
    // The runtime's state went with the process.
    if (hasCode(error, "ENOENT") && livingProcess(directory) === undefined) return limited;
    throw systemFailure(`limit container "${name}"`, error, directory.path);
  } finally {
    for (const file of [resources, log]) rmSync(file, { force: true });
  }
}

/** All limits, as a runtime takes none as a change; and no limit for those that were lifted. */
function changedResources(before: Limits, after: Limits): LimitResources {
  const resources = limitResources(after, canLimitSwap());
  const isLifted = (...names: readonly (keyof Limits)[]): boolean =>
    names.some((name) => before[name] !== undefined && after[name] === undefined);
  const memory = {
    ...(isLifted("memoryBytes") && { limit: -1, ...(canLimitSwap() && { swap: -1 }) }),
    ...(isLifted("memoryReservationBytes") && { reservation: -1 }),
    ...resources.memory,
  };
  const cpu = {
    ...(isLifted("cpus", "cpuQuotaMicroseconds") && { quota: -1 }),
    ...(isLifted("cpus", "cpuPeriodMicroseconds") && { period: CPU_PERIOD_MICROSECONDS }),
    ...(isLifted("cpuShares") && { shares: DEFAULT_SHARES }),
    ...(isLifted("cpuset") && { cpus: onlineOf("cpu") }),
    ...(isLifted("memoryNodes") && { mems: onlineOf("node") }),
    ...resources.cpu,
  };
  const blockIO = { ...(isLifted("blockWeight") && { weight: DEFAULT_WEIGHT }), ...resources.blockIO };
  return {
    ...resources,
    ...(isLifted("processes") && { pids: { limit: -1 } }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(blockIO).length > 0 && { blockIO }),
  };
}

/** What a new cgroup has: the kernel's. */
const DEFAULT_SHARES = 1024;
const DEFAULT_WEIGHT = 100;

function onlineOf(kind: "cpu" | "node"): string {
  return readFileSync(`/sys/devices/system/${kind}/online`, "latin1").trim();
}
