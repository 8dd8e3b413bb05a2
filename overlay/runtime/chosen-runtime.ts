import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import { VarveError } from "../../core/errors.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { isInUserNamespace, readIdMap } from "../../linux/user-namespace.js";
import type { OciRuntime } from "./oci-runtime.js";
import { probeRuntime, runtimeCandidates } from "./runtime-probe.js";

const LARGEST_CACHE_BYTES = 2 ** 16;

/**
 * The runtime that runs containers here: the first that starts a real process. The answer is kept in a file, as long as
 * neither the programs nor the kernel change, so that only the first run pays for it.
 *
 * @param cacheFile Absolute. May be deleted at any time.
 * @throws VarveError RUNTIME_MISSING with what each candidate said.
 */
export function chooseRuntime(cacheFile: string): OciRuntime {
  const candidates = runtimeCandidates();
  const key = fingerprint(candidates);
  const cached = readCache(cacheFile, key);
  const known = candidates.find(({ path, options }) => `${path} ${options.join(" ")}` === cached);
  if (known !== undefined) return known;
  const failures: string[] = [];
  for (const candidate of candidates) {
    const { works, detail } = probeRuntime(candidate);
    if (works) {
      writeCache(cacheFile, key, candidate);
      return candidate;
    }
    failures.push(`${[candidate.name, ...candidate.options].join(" ")}: ${detail}`);
  }
  throw runtimeMissing(failures);
}

function runtimeMissing(failures: readonly string[]): VarveError {
  const state =
    failures.length === 0 ? "there is neither crun nor runc" : `no OCI runtime starts a process here (${failures.join("; ")})`;
  return new VarveError("RUNTIME_MISSING", `Cannot run a container: ${state}`, {
    hint:
      failures.length === 0
        ? 'Install runc or crun, such as with "apt-get install runc".'
        : 'Containers need root with CAP_SYS_ADMIN. "varve doctor" tells more.',
  });
}

/** Changes when a program is replaced or another kernel is booted. */
function fingerprint(candidates: readonly OciRuntime[]): string {
  const programs = candidates.map(({ path, options }) => {
    const { size, mtimeMs } = statSync(path);
    return [path, ...options, size, mtimeMs].join(" ");
  });
  // A privilege that another caller lacks, or other cgroups, are another answer too.
  return [os.release(), process.getuid?.(), capabilities(), userNamespaceKind(), ...programs].join("\n");
}

/** Root of a user namespace has all capabilities in it, and few on the machine. */
function userNamespaceKind(): string {
  return isInUserNamespace() ? JSON.stringify([readIdMap("uid"), readIdMap("gid")]) : "";
}

function capabilities(): string {
  return /^CapEff:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "";
}

function readCache(file: string, key: string): string | undefined {
  try {
    const cache = JSON.parse(readRegularFile(file, { largest: LARGEST_CACHE_BYTES }).toString("utf8")) as {
      key?: unknown;
      runtime?: unknown;
    };
    return cache.key === key && typeof cache.runtime === "string" ? cache.runtime : undefined;
  } catch {
    return undefined;
  }
}

function writeCache(file: string, key: string, { path, options }: OciRuntime): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify({ key, runtime: `${path} ${options.join(" ")}` }), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // A cache that can't be written costs time alone.
  }
}
