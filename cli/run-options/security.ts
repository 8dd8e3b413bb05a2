import { closeSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { capabilityOf } from "../../core/isolation/capabilities.js";
import { seccompFileOf } from "../../core/isolation/seccomp-rules.js";
import { sysctlObstacle } from "../../core/isolation/sysctl-names.js";
import { ULIMITS } from "../../core/isolation/ulimit-names.js";
import type { DeviceRequest, Isolation, Namespaces, Security, Ulimit } from "../../core/ports/isolation.js";
import type { OptionValues } from "../command.js";
import { endedBySignals } from "../signals.js";

/** What a process may do. */
export const SECURITY_OPTIONS = {
  "cap-add": { type: "string", array: true, value: "CAP", describe: "Give a capability, such as NET_ADMIN, or ALL" },
  "cap-drop": { type: "string", array: true, value: "CAP", describe: "Take a capability, or ALL" },
  privileged: { type: "boolean", describe: "Give all capabilities, devices and system calls: it can do what root here can" },
  "security-opt": {
    type: "string",
    array: true,
    value: "OPT",
    describe: "seccomp=FILE|unconfined, no-new-privileges[=false] or systempaths=unconfined",
  },
  device: {
    type: "string",
    array: true,
    value: "SRC[:DST[:rwm]]",
    describe: "Give a device of this machine, or those of a directory",
  },
  ulimit: {
    type: "string",
    array: true,
    value: "NAME=SOFT[:HARD]",
    describe: "Limit a process, such as nofile=1024:4096; -1 is no limit",
  },
  sysctl: {
    type: "string",
    array: true,
    value: "NAME=VALUE",
    describe: "Set a kernel setting that the container has of its own",
  },
  pid: {
    type: "string",
    value: "host|container:NAME",
    describe: "See the processes of this machine, or of a container that runs",
  },
  ipc: { type: "string", value: "host|container:NAME", describe: "Share System V IPC, message queues and /dev/shm with it" },
  uts: { type: "string", value: "host|container:NAME", describe: "Share its host name" },
} as const;

type SecurityValues = OptionValues<typeof SECURITY_OPTIONS>;

/** @throws VarveError USAGE, SOURCE_MISSING. */
export function securityOf(given: SecurityValues, network: string): Isolation {
  const security = { ...capabilities(given), ...given["security-opt"].reduce(withSecurityOption, {}) };
  const namespaces = namespacesOf(given);
  const sysctls = sysctlsOf(given.sysctl, { network, namespaces });
  return {
    ...(Object.keys(security).length === 0 ? {} : { security }),
    ...(given.device.length === 0 ? {} : { devices: given.device.map(deviceOf) }),
    ...(given.ulimit.length === 0 ? {} : { ulimits: ulimitsOf(given.ulimit) }),
    ...(given.sysctl.length === 0 ? {} : { sysctls }),
    ...(Object.keys(namespaces).length === 0 ? {} : { namespaces }),
  };
}

function capabilities({ "cap-add": add, "cap-drop": drop, privileged }: SecurityValues): Security {
  return {
    ...(add.length === 0 ? {} : { added: add.map((text) => capability("--cap-add", text)) }),
    ...(drop.length === 0 ? {} : { dropped: drop.map((text) => capability("--cap-drop", text)) }),
    ...(privileged ? { privileged } : {}),
  };
}

function capability(option: string, text: string): string {
  const found = capabilityOf(text);
  if (found !== undefined) return found;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": Linux has no such capability`, {
    hint: "Capabilities are named as in capabilities(7), such as NET_ADMIN; ALL is all of them.",
  });
}

function withSecurityOption(security: Security, text: string): Security {
  const [, name = "", value] = /^([^=:]*)(?:[=:](.*))?$/s.exec(text) ?? [];
  const isTrue = value === undefined || value === "true";
  if (name === "no-new-privileges" && (isTrue || value === "false")) return { ...security, newPrivileges: !isTrue };
  if (name === "seccomp" && value !== undefined && value !== "") {
    return { ...security, seccomp: value === "unconfined" ? value : profileOf(value) };
  }
  if (name === "systempaths" && value === "unconfined") return { ...security, systemPaths: true };
  // Varve sets neither profile nor label, so that this is so anyway.
  if ((name === "apparmor" && value === "unconfined") || (name === "label" && value === "disable")) return security;
  throw new VarveError("USAGE", `Cannot read --security-opt "${text}": varve has no such option`, {
    hint: "There are seccomp=FILE, seccomp=unconfined, no-new-privileges, no-new-privileges=false and systempaths=unconfined.",
  });
}

function profileOf(file: string): Readonly<Record<string, unknown>> {
  const text = readText("--security-opt seccomp", file);
  try {
    const json: unknown = JSON.parse(text);
    seccompFileOf(json);
    return json as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new VarveError("USAGE", `Cannot read the seccomp profile "${file}": ${(error as Error).message}`, {
      path: path.resolve(file),
    });
  }
}

/** Beyond all that the kernel gives a process as its environment, and the longest profile. */
const LONGEST_FILE = 16 * 1024 * 1024;

/** A file that an option names, or a pipe, such as the shell's `<(…)`. @throws VarveError SOURCE_MISSING, SOURCE_INVALID. */
export function readText(option: string, file: string): string {
  const bytes = endedBySignals(() => readStart(option, file));
  if (bytes.length <= LONGEST_FILE) return bytes.toString("utf8");
  throw new VarveError("SOURCE_INVALID", `Cannot read ${option} "${file}": it has more than 16 MiB`, {
    path: path.resolve(file),
  });
}

/** A device such as /dev/zero has no end. */
function readStart(option: string, file: string): Buffer {
  try {
    const descriptor = openSync(file, "r");
    try {
      const chunks: Buffer[] = [];
      for (let length = 0; length <= LONGEST_FILE;) {
        const chunk = Buffer.alloc(64 * 1024);
        const count = readSync(descriptor, chunk);
        if (count === 0) break;
        chunks.push(chunk.subarray(0, count));
        length += count;
      }
      return Buffer.concat(chunks);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const state = (cause as NodeJS.ErrnoException).code ?? "it fails";
    throw new VarveError("SOURCE_MISSING", `Cannot read ${option} "${file}": the system says ${state}`, {
      path: path.resolve(file),
      cause,
    });
  }
}

function deviceOf(text: string): DeviceRequest {
  const [source = "", second, third, ...rest] = text.split(":");
  // Docker's rule: of two, the second may be either.
  const isAccess = third === undefined && second !== undefined && isDeviceAccess(second);
  const destination = isAccess || second === undefined || second === "" ? source : second;
  const access = (isAccess ? second : third) ?? "rwm";
  if (!source.startsWith("/") || !destination.startsWith("/") || !isDeviceAccess(access) || rest.length > 0) {
    throw new VarveError("USAGE", `Cannot read --device "${text}": wanted SRC[:DST[:rwm]], with absolute paths`);
  }
  return { source: path.resolve(source), destination: path.posix.resolve(destination), access };
}

function isDeviceAccess(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** The last of equal names counts. */
function ulimitsOf(texts: readonly string[]): readonly Ulimit[] {
  return [...new Map(texts.map(ulimitOf).map((limit) => [limit.name, limit])).values()];
}

function ulimitOf(text: string): Ulimit {
  const [, name = "", softText = "", hardText = softText] = /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text) ?? [];
  if (!Object.hasOwn(ULIMITS, name)) {
    throw new VarveError("USAGE", `Cannot read --ulimit "${text}": wanted NAME=SOFT[:HARD]`, {
      hint: `NAME is one of ${Object.keys(ULIMITS).join(", ")}.`,
    });
  }
  const [soft, hard] = [Number(softText), Number(hardText)];
  if (hard === -1 || (soft !== -1 && soft <= hard)) return { name, soft, hard };
  throw new VarveError("USAGE", `Cannot read --ulimit "${text}": the soft limit is beyond the hard one`);
}

function sysctlsOf(
  texts: readonly string[],
  where: { readonly network: string; readonly namespaces: Namespaces },
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) {
        throw new VarveError("USAGE", `Cannot read --sysctl "${text}": wanted NAME=VALUE`);
      }
      const obstacle = sysctlObstacle(name, where);
      if (obstacle === undefined) return [name, value];
      throw new VarveError("USAGE", `Cannot set --sysctl "${text}": ${obstacle}`, {
        hint: "Of its own a container has fs.mqueue.*, net.* and kernel.msg*, kernel.sem and kernel.shm*.",
      });
    }),
  );
}

function namespacesOf({ pid, ipc, uts }: SecurityValues): Namespaces {
  return {
    ...namespace("pid", pid, ["private"]),
    ...namespace("ipc", ipc, ["private", "shareable"]),
    ...namespace("uts", uts, ["private"]),
  };
}

/** @param own Words that mean one of its own, which is the default. */
function namespace(name: keyof Namespaces, text: string | undefined, own: readonly string[]): Namespaces {
  if (text === undefined || text === "" || own.includes(text)) return {};
  if (text === "host" || /^container:./.test(text)) return { [name]: text };
  throw new VarveError("USAGE", `Cannot read --${name} "${text}": wanted host or container:NAME`);
}
