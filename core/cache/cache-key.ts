import { createHash } from "node:crypto";
import type { Commit } from "../model/commit.js";
import type { RunConfiguration } from "../ports/containers.js";

/** A file or directory of this machine that a run may read, and the digest of what it held. */
export interface InputDigest {
  /** As it was given, or for a volume where the process finds it. */
  readonly name: string;
  /** 64 hex digits. */
  readonly digest: string;
}

export interface CacheQuestion {
  readonly parent: Pick<Commit, "tree" | "config">;
  readonly configuration: RunConfiguration;
  /** Whether the host name was chosen: else it is the container's, which is another each time. */
  readonly namesHost: boolean;
  readonly volumes: readonly InputDigest[];
  readonly inputs: readonly InputDigest[];
}

/**
 * SHA-256 over all that a run's result may depend on, as far as varve knows it: 64 hex digits. The record is documented in
 * docs/on-disk-format.md, "Runs that are reused". Limits of memory and processors are left out: they change whether a process ends well, not
 * what it makes.
 */
export function cacheKey({ parent, configuration, namesHost, volumes, inputs }: CacheQuestion): string {
  const { command, environment, workingDirectory, user, hostname, network, readOnly } = configuration;
  const { security, tmpfs, devices, ulimits, sysctls, groups, names, namespaces, shmBytes, init } = configuration;
  const record = {
    varve: "run 1",
    tree: parent.tree,
    config: parent.config ?? null,
    command,
    environment,
    workingDirectory,
    user,
    hostname: namesHost ? hostname : null,
    network,
    readOnly,
    // Left out where nothing is asked for, so that keys of before stay.
    ...{ security, tmpfs, devices, ulimits, sysctls, groups, names, namespaces, shmBytes, init },
    volumes: sorted(volumes),
    inputs: sorted(inputs),
  };
  return createHash("sha256").update(canonical(record)).digest("hex");
}

function sorted(inputs: readonly InputDigest[]): readonly (readonly [string, string])[] {
  return inputs.map(({ name, digest }) => [name, digest] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** JSON with the keys of each object in order, and nothing between its parts. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`);
  return `{${pairs.join(",")}}`;
}
