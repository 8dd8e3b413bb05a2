import { posix } from "node:path";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { cgroupPath } from "./cgroups.js";
import type { ContainerUser } from "../rootfs/container-user.js";
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
  };
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly mounts: readonly RuntimeMount[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
    readonly cgroupsPath?: string;
    readonly resources?: Resources;
    readonly seccomp?: SeccompProfile;
  };
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

interface Resources {
  readonly devices: readonly { readonly allow: boolean; readonly access: string }[];
  readonly memory?: { readonly limit: number };
  readonly pids?: { readonly limit: number };
  readonly cpu?: { readonly quota: number; readonly period: number };
}

export interface RuntimeRequest {
  readonly id: string;
  /** The mounted root, absolute. */
  readonly root: string;
  readonly configuration: RunConfiguration;
  readonly user: ContainerUser;
  /** Host files over the root's own, such as /etc/hosts; volumes are added by themselves. */
  readonly files: readonly { readonly source: string; readonly destination: string }[];
  /** Whether the runtime can make cgroups. Without them nothing limits devices, so that making device nodes is forbidden. */
  readonly cgroups: boolean;
  /** Of a process that is root of a user namespace alone. */
  readonly userNamespace?: { readonly hasTerminalGroup: boolean } | undefined;
  /** Node's `process.arch`. */
  readonly architecture: string;
  /** Of this process's terminal, when there is one. */
  readonly terminalSize?: { readonly rows: number; readonly columns: number } | undefined;
}

export function runtimeConfiguration(request: RuntimeRequest): RuntimeConfiguration {
  const { id, root, configuration, user, files, cgroups, architecture, terminalSize: size } = request;
  const seccomp = seccompProfile(architecture);
  return {
    ociVersion: "1.0.2",
    process: {
      ...execProcess(configuration, user, cgroups),
      ...(configuration.terminal && size ? { consoleSize: { height: size.rows, width: size.columns } } : {}),
    },
    root: { path: root, readonly: configuration.readOnly },
    hostname: configuration.hostname,
    mounts: [...systemMounts(request), ...files.map(fileMount), ...volumeMounts(configuration)],
    linux: {
      namespaces: namespacesOf(configuration, cgroups),
      maskedPaths: MASKED,
      readonlyPaths: cgroups ? [...READ_ONLY, CGROUP_ROOT] : READ_ONLY,
      ...(cgroups ? { cgroupsPath: cgroupPath(id), resources: resourcesOf(configuration) } : {}),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}

/** One process of a container: its first, or one that is run beside it. */
export function execProcess(
  configuration: RunConfiguration,
  user: ContainerUser,
  cgroups: boolean,
): RuntimeConfiguration["process"] {
  return {
    terminal: configuration.terminal,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: configuration.command,
    env: environmentOf(configuration, user),
    // As it was checked: after a symlink, runtimes would take ".." otherwise.
    cwd: posix.normalize(configuration.workingDirectory),
    capabilities: capabilitiesOf(user, cgroups),
    noNewPrivileges: true,
  };
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

/** Docker's fourteen. */
const CAPABILITIES =
  `CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
  AUDIT_WRITE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** Nothing is inheritable or ambient: a program that is not root's gains nothing by being started. */
function capabilitiesOf(user: ContainerUser, cgroups: boolean): Readonly<Record<string, readonly string[]>> {
  // Without the device cgroup a node that it makes would open the host's disk.
  const bounding = cgroups ? CAPABILITIES : CAPABILITIES.filter((name) => name !== "CAP_MKNOD");
  const held = user.uid === 0 ? bounding : [];
  return { bounding, effective: held, permitted: held, inheritable: [], ambient: [] };
}

function namespacesOf({ network }: RunConfiguration, cgroups: boolean): readonly { readonly type: string }[] {
  const types = ["pid", "mount", "uts", "ipc"];
  if (cgroups) types.push("cgroup");
  if (network === "none") types.push("network");
  return types.map((type) => ({ type }));
}

const SAFE = ["nosuid", "noexec", "nodev"];

/** `tty`, which terminals belong to: of the same number everywhere. */
export const TERMINAL_GROUP = 5;

function systemMounts({ cgroups, configuration, userNamespace }: RuntimeRequest): readonly RuntimeMount[] {
  const group = userNamespace?.hasTerminalGroup === false ? [] : [`gid=${TERMINAL_GROUP}`];
  // The kernel shows the devices of a network to its owner alone: that of the host is shown as it stands there.
  const isBound = userNamespace !== undefined && configuration.network === "host";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: SAFE },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...group],
    },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...SAFE, "mode=1777", "size=65536k"] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: SAFE },
    isBound
      ? { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rprivate", ...SAFE, "ro"] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...SAFE, "ro"] },
    ...(cgroups ? [{ destination: CGROUP_ROOT, type: "cgroup", source: "cgroup", options: [...SAFE, "relatime", "ro"] }] : []),
  ];
}

function fileMount({ source, destination }: { readonly source: string; readonly destination: string }): RuntimeMount {
  return { destination, type: "bind", source, options: ["bind", "rprivate"] };
}

/** Those nearer to the root first, so that one within another is mounted after it. */
function volumeMounts({ volumes }: RunConfiguration): readonly RuntimeMount[] {
  const depth = (path: string): number => path.split("/").filter(Boolean).length;
  return volumes
    .map(({ source, destination, readOnly }) => ({
      destination,
      type: "bind",
      source,
      options: ["rbind", "rprivate", readOnly ? "ro" : "rw"],
    }))
    .sort((a, b) => depth(a.destination) - depth(b.destination));
}

const CPU_PERIOD_MICROSECONDS = 100_000;

function resourcesOf({ limits }: RunConfiguration): Resources {
  return {
    // The runtime adds those that every container has: null, zero, full, random, urandom, tty, ptmx and pts.
    devices: [{ allow: false, access: "rwm" }],
    ...(limits.memoryBytes === undefined ? {} : { memory: { limit: limits.memoryBytes } }),
    ...(limits.processes === undefined ? {} : { pids: { limit: limits.processes } }),
    ...(limits.cpus === undefined
      ? {}
      : { cpu: { quota: Math.max(1000, Math.round(limits.cpus * CPU_PERIOD_MICROSECONDS)), period: CPU_PERIOD_MICROSECONDS } }),
  };
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
/** With cgroups of version 1 it is a tmpfs that runc, in a cgroup namespace, leaves writable and without a limit. */
const CGROUP_ROOT = "/sys/fs/cgroup";
