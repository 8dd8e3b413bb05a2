import { posix } from "node:path";
import { DEFAULT_PATH } from "../../core/isolation/default-path.js";
import { seccompFileOf } from "../../core/isolation/seccomp-rules.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import type { Security } from "../../core/ports/isolation.js";
import { cgroupPath } from "./cgroups.js";
import { limitResources, type LimitResources } from "./runtime-resources.js";
import type { ContainerUser } from "../rootfs/container-user.js";
import { containerDevices, type ContainerDevices, type DeviceNode, type DeviceRule } from "./host-devices.js";
import { INIT_PLACE } from "./init-program.js";
import { boundingCapabilities, processCapabilities, runtimeLimits, type RuntimeLimit } from "./process-privileges.js";
import { CGROUP_ROOT, runtimeMounts, type MountsRequest, type RuntimeMount } from "./runtime-mounts.js";
import { profileOfFile } from "./seccomp-file.js";
import type { OwnNamespace } from "../rootless/own-namespace.js";
import { seccompProfile, type SeccompProfile } from "./seccomp-profile.js";

/** An OCI runtime configuration (config.json), as far as we write one: github.com/opencontainers/runtime-spec. */
export interface RuntimeConfiguration {
  readonly ociVersion: string;
  readonly process: {
    readonly terminal: boolean;
    readonly consoleSize?: { readonly height: number; readonly width: number };
    readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly capabilities: Readonly<Record<string, readonly string[]>>;
    readonly noNewPrivileges: boolean;
    readonly rlimits?: readonly RuntimeLimit[];
    readonly oomScoreAdj?: number;
  };
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly RuntimeMount[];
  readonly linux: {
    readonly namespaces: readonly Namespace[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly cgroupsPath?: string;
    readonly resources?: Resources;
    readonly seccomp?: SeccompProfile;
    readonly devices?: readonly DeviceNode[];
    readonly sysctl?: Readonly<Record<string, string>>;
  };
}

interface Namespace {
  readonly type: string;
  /** An existing one; a new one is made without it. */
  readonly path?: string;
}

interface Resources extends LimitResources {
  readonly devices: readonly DeviceRule[];
}

export interface RuntimeRequest {
  readonly id: string;
  /** The mounted root, absolute. */
  readonly root: string;
  readonly configuration: RunConfiguration;
  readonly user: ContainerUser;
  /** Host files over the root's own, such as /etc/hosts; volumes are added by themselves. */
  readonly files: MountsRequest["files"];
  /** What `ownCapabilities` says. */
  readonly available: readonly string[];
  readonly devices?: ContainerDevices | undefined;
  /** The init's path on the host, when there is to be one. */
  readonly init?: string | undefined;
  readonly sharedMemory?: MountsRequest["sharedMemory"];
  /** Namespaces of other containers, by type, as files. */
  readonly joined?: Readonly<Partial<Record<"pid" | "ipc" | "uts", string>>> | undefined;
  /** Whether the runtime can make cgroups. Without them nothing limits devices, so that making device nodes is forbidden. */
  readonly cgroups: boolean;
  /** Of a process that is root of a user namespace alone. */
  readonly userNamespace?: OwnNamespace | undefined;
  /** Whether the kernel can limit swap. */
  readonly limitsSwap: boolean;
  /** The path of a network namespace that was made for it; without one it gets an empty one, or this machine's. */
  readonly networkNamespace?: string | undefined;
  /** Node's `process.arch`. */
  readonly architecture: string;
  /** Of this process's terminal, when there is one. */
  readonly terminalSize?: { readonly rows: number; readonly columns: number } | undefined;
}

export function runtimeConfiguration(request: RuntimeRequest): RuntimeConfiguration {
  const { root, configuration, user, cgroups, init } = request;
  return {
    ociVersion: "1.0.2",
    process: {
      ...execProcess(configuration, user, request),
      ...(configuration.oomScoreAdjustment === undefined ? {} : { oomScoreAdj: configuration.oomScoreAdjustment }),
      ...(init === undefined ? {} : { args: [INIT_PLACE, "--", ...configuration.command] }),
    },
    root: { path: root, readonly: configuration.readOnly },
    // Of a host or another container it is not ours to set.
    ...(configuration.namespaces?.uts === undefined ? { hostname: configuration.hostname } : {}),
    mounts: runtimeMounts({ ...request, cgroups }),
    linux: linuxOf(request),
  };
}

function linuxOf(request: RuntimeRequest): RuntimeConfiguration["linux"] {
  const { id, configuration, cgroups, devices = containerDevices([], false) } = request;
  const { security = {}, sysctls } = configuration;
  const seccomp = seccompOf(security, request.architecture, boundingCapabilities(security, request));
  const isMasked = security.privileged !== true && security.systemPaths !== true;
  return {
    namespaces: namespacesOf(configuration, request),
    maskedPaths: isMasked ? MASKED : [],
    readonlyPaths: isMasked ? (cgroups ? [...READ_ONLY, CGROUP_ROOT] : READ_ONLY) : [],
    ...(cgroups
      ? {
          cgroupsPath: cgroupPath(id),
          resources: { devices: devices.rules, ...limitResources(configuration.limits, request.limitsSwap) },
        }
      : {}),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(devices.nodes.length === 0 ? {} : { devices: devices.nodes }),
    ...(sysctls === undefined ? {} : { sysctl: sysctls }),
  };
}

function seccompOf(
  { seccomp, privileged = false }: Security,
  architecture: string,
  capabilities: readonly string[],
): SeccompProfile | undefined {
  if (seccomp === "unconfined" || (seccomp === undefined && privileged)) return undefined;
  if (seccomp === undefined) return seccompProfile(architecture, capabilities);
  return profileOfFile(seccompFileOf(seccomp), { architecture, capabilities });
}

/** One process of a container: its first, or one that is run beside it. */
export function execProcess(
  configuration: RunConfiguration,
  user: ContainerUser,
  machine: Pick<RuntimeRequest, "available" | "cgroups" | "terminalSize">,
): RuntimeConfiguration["process"] {
  const { security = {}, ulimits = [] } = configuration;
  const size = configuration.terminal ? machine.terminalSize : undefined;
  return {
    terminal: configuration.terminal,
    // crun takes it from here alone; runc would set it a moment after the process has started.
    ...(size && { consoleSize: { height: size.rows, width: size.columns } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: configuration.command,
    env: environmentOf(configuration, user),
    // As it was checked: after a symlink, runtimes would take ".." otherwise.
    cwd: posix.normalize(configuration.workingDirectory),
    capabilities: processCapabilities(user.uid, boundingCapabilities(security, machine)),
    noNewPrivileges: !(security.newPrivileges ?? security.privileged ?? false),
    ...(ulimits.length === 0 ? {} : { rlimits: runtimeLimits(ulimits) }),
  };
}

/** Docker's defaults, each of which a variable of the configuration replaces. The last of two equal names counts. */
export function environmentOf(configuration: RunConfiguration, user: Pick<ContainerUser, "home">): readonly string[] {
  const variables = new Map([
    ["PATH", `PATH=${DEFAULT_PATH}`],
    ["HOSTNAME", `HOSTNAME=${configuration.hostname}`],
    ...(configuration.terminal ? [["TERM", "TERM=xterm"] as const] : []),
    ["HOME", `HOME=${user.home}`],
  ]);
  for (const variable of configuration.environment) variables.set(variable.split("=", 1)[0]!, variable);
  return [...variables.values()];
}

function namespacesOf(
  { network, namespaces = {} }: RunConfiguration,
  { cgroups, joined = {}, networkNamespace }: RuntimeRequest,
): readonly Namespace[] {
  const cgroup = cgroups ? [{ type: "cgroup" }] : [];
  const net =
    network === "host" ? [] : [{ type: "network", ...(networkNamespace === undefined ? {} : { path: networkNamespace }) }];
  const own = (["pid", "mount", "uts", "ipc"] as const).filter((type) => type === "mount" || namespaces[type] !== "host");
  const pathOf = (type: (typeof own)[number]): string | undefined => (type === "mount" ? undefined : joined[type]);
  return [...own.map((type) => ({ type, ...(pathOf(type) === undefined ? {} : { path: pathOf(type)! }) })), ...cgroup, ...net];
}

const MASKED = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
