import type { RunConfiguration, Volume } from "../../core/ports/containers.js";
import type { Tmpfs } from "../../core/ports/isolation.js";
import { INIT_PLACE } from "./init-program.js";
import { type OwnNamespace, TERMINAL_GROUP } from "../rootless/own-namespace.js";
import { isKernelFrom } from "./kernel-version.js";

/** As an OCI runtime's configuration has it. */
export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface MountsRequest {
  readonly configuration: RunConfiguration;
  /** Host files over the root's own, such as /etc/hosts. */
  readonly files: readonly { readonly source: string; readonly destination: string }[];
  readonly cgroups: boolean;
  readonly userNamespace?: OwnNamespace | undefined;
  /** On the host: the /dev/shm that it shares with another container. */
  readonly sharedMemory?: string | undefined;
  /** Of the host; `undefined` for a container without one. */
  readonly init?: string | undefined;
}

/** With cgroups of version 1 it is a tmpfs that runc, in a cgroup namespace, leaves writable and without a limit. */
export const CGROUP_ROOT = "/sys/fs/cgroup";

export function runtimeMounts(request: MountsRequest): readonly RuntimeMount[] {
  const { configuration, files, cgroups, init } = request;
  return [
    ...systemMounts(configuration, request),
    ...files.map(fileMount),
    ...chosenMounts(configuration, cgroups),
    ...(init === undefined ? [] : [{ destination: INIT_PLACE, type: "bind", source: init, options: ["bind", "rprivate", "ro"] }]),
  ];
}

const SAFE = ["nosuid", "noexec", "nodev"];
const SHM_BYTES = 64 * 1024 ** 2;

function systemMounts(
  { security, shmBytes = SHM_BYTES, namespaces, network }: RunConfiguration,
  { cgroups, userNamespace, sharedMemory }: MountsRequest,
): readonly RuntimeMount[] {
  const group = userNamespace?.hasTerminalGroup === false ? [] : [`gid=${TERMINAL_GROUP}`];
  // The kernel shows the devices of a network to its owner alone: that of the host is shown as it stands there.
  const isBound = userNamespace !== undefined && network === "host";
  const shared = namespaces?.ipc === "host" ? "/dev/shm" : sharedMemory;
  const system = security?.privileged === true ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: SAFE },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...group],
    },
    shared !== undefined
      ? { destination: "/dev/shm", type: "bind", source: shared, options: ["rbind", "rprivate"] }
      : {
          destination: "/dev/shm",
          type: "tmpfs",
          source: "shm",
          options: [...SAFE, "mode=1777", `size=${Math.ceil(shmBytes / 1024)}k`],
        },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: SAFE },
    isBound
      ? { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rprivate", ...SAFE, system] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...SAFE, system] },
    ...(cgroups ? [{ destination: CGROUP_ROOT, type: "cgroup", source: "cgroup", options: [...SAFE, "relatime", system] }] : []),
  ];
}

function fileMount({ source, destination }: { readonly source: string; readonly destination: string }): RuntimeMount {
  return { destination, type: "bind", source, options: ["bind", "rprivate"] };
}

/** Those nearer to the root first, so that one within another is mounted after it. */
function chosenMounts({ volumes, tmpfs = [] }: RunConfiguration, cgroups: boolean): readonly RuntimeMount[] {
  const depth = (path: string): number => path.split("/").filter(Boolean).length;
  const mounts = [...volumes.map((volume) => volumeMount(volume, cgroups)), ...tmpfs.map(tmpfsMount)];
  return mounts.sort((a, b) => depth(a.destination) - depth(b.destination));
}

/** Of mount_setattr(2): what is mounted within a read-only source can't be written to either. */
const RECURSIVELY = isKernelFrom("5.12") ? ["rro"] : [];

function volumeMount(volume: Volume, cgroups: boolean): RuntimeMount {
  const { source, destination, readOnly, propagation = "rprivate", shallow = false, named = false } = volume;
  // A new volume gets the image's device nodes, too, which nothing filters without cgroups.
  const devices = named && !cgroups ? ["nodev"] : [];
  const access = readOnly ? [...(shallow ? [] : RECURSIVELY), "ro"] : ["rw"];
  return { destination, type: "bind", source, options: [shallow ? "bind" : "rbind", propagation, ...devices, ...access] };
}

function tmpfsMount({ destination, options }: Tmpfs): RuntimeMount {
  return { destination, type: "tmpfs", source: "tmpfs", options: ["nosuid", "noexec", "nodev", ...options] };
}
