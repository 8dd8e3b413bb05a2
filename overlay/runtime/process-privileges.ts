import { readFileSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { ALL_CAPABILITIES, boundingSet, capabilitiesOfMask, DEFAULT_CAPABILITIES } from "../../core/isolation/capabilities.js";
import { ULIMITS } from "../../core/isolation/ulimit-names.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import type { Security, Ulimit } from "../../core/ports/isolation.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";

/** The capabilities that this process can give to others. */
export function ownCapabilities(): readonly string[] {
  const status = readFileSync("/proc/self/status", "latin1");
  return capabilitiesOfMask(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0");
}

/**
 * The capabilities that a container's processes can have at most.
 *
 * @param available What `ownCapabilities` says. @param cgroups Whether devices can be filtered.
 */
export function boundingCapabilities(
  security: Security,
  { available, cgroups }: { readonly available: readonly string[]; readonly cgroups: boolean },
): readonly string[] {
  const bounding = boundingSet(security, available);
  // Without the device cgroup a node that it makes would open the host's disk.
  return cgroups || security.privileged === true ? bounding : bounding.filter((name) => name !== "CAP_MKNOD");
}

/** Nothing is inheritable or ambient: a program that is not root's gains nothing by being started. */
export function processCapabilities(uid: number, bounding: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const held = uid === 0 ? bounding : [];
  return { bounding, effective: held, permitted: held, inheritable: [], ambient: [] };
}

/**
 * Fails early where the configuration asks for more than this process may give; a runtime would say EPERM.
 * @throws VarveError UNSUPPORTED.
 */
export function requireGivable({ security = {}, ulimits = [] }: RunConfiguration, available: readonly string[]): void {
  const asked = boundingSet(security, available).filter((name) => !DEFAULT_CAPABILITIES.includes(name));
  const lacking = asked.find((name) => name !== ALL_CAPABILITIES && !available.includes(name));
  if (lacking !== undefined) {
    throw new VarveError("UNSUPPORTED", `Cannot give the container ${lacking}: this process does not have it itself`, {
      hint: 'Whoever started this process, such as a container around it, keeps it back. "grep Cap /proc/self/status" shows what there is.',
    });
  }
  // In a user namespace the kernel asks for the capability of the machine, which nobody in it has.
  if (ulimits.length === 0 || (available.includes("CAP_SYS_RESOURCE") && !isInUserNamespace())) return;
  const limits = readFileSync("/proc/self/limits", "latin1");
  for (const limit of ulimits) requireLower(limit, limits);
}

function requireLower({ name, hard }: Ulimit, limits: string): void {
  const row = limits.split("\n").find((line) => line.startsWith(`${ULIMITS[name] ?? ""} `));
  const [, , most = "unlimited"] = row?.split(/\s{2,}/) ?? [];
  if (most === "unlimited" || (hard !== -1 && hard <= Number(most))) return;
  throw new VarveError(
    "UNSUPPORTED",
    `Cannot set the limit ${name} to ${hard === -1 ? "unlimited" : hard}: this process may not go beyond ${most}`,
    {
      hint: "Raising a hard limit needs CAP_SYS_RESOURCE of this machine, which this process does not have.",
    },
  );
}

/** Of the runtime's configuration. A limit of -1 is the kernel's RLIM_INFINITY, which no number of JavaScript is. */
export interface RuntimeLimit {
  readonly type: string;
  readonly soft: number | bigint;
  readonly hard: number | bigint;
}

const UNLIMITED = 2n ** 64n - 1n;

export function runtimeLimits(ulimits: readonly Ulimit[]): readonly RuntimeLimit[] {
  const value = (limit: number): number | bigint => (limit === -1 ? UNLIMITED : limit);
  return ulimits.map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: value(soft),
    hard: value(hard),
  }));
}
