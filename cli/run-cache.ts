import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import type { Origin } from "../core/model/commit.js";
import type { RunConfiguration } from "../core/ports/containers.js";
import type { Repository } from "../core/ports/repository.js";
import { keyOfRun, rememberRun, reuseRun, type CachedRun } from "../core/operations/reuse-run.js";
import type { CommitResult } from "../core/operations/commit-target.js";
import type { OptionValues, Session } from "./command.js";
import { commitResultJson } from "./render/commit-json.js";
import { printJson } from "./render/json-array.js";
import { shortId } from "./render/names.js";

/** The options of `run` that reuse what an earlier run made. */
export const CACHE_OPTIONS = {
  cache: {
    type: "boolean",
    describe: "As --rm --commit, but reuse the commit of an earlier run of the same tree, CMD, options and inputs",
  },
  "no-cache": { type: "boolean", describe: "With --cache: run all the same, and keep what comes of it for later" },
  input: { type: "string", array: true, value: "PATH", describe: "With --cache: a file or directory that the result depends on" },
} as const;

type CacheValues = OptionValues<typeof CACHE_OPTIONS>;

/** @throws VarveError USAGE where a run can't be told from others. */
export function requireCacheable(
  given: CacheValues & { readonly interactive: boolean; readonly tty: boolean; readonly branch: string | undefined },
): void {
  if (!given.cache) {
    const option = given["no-cache"] ? "--no-cache" : given.input.length > 0 ? "--input" : undefined;
    if (option === undefined) return;
    throw new VarveError("USAGE", `Cannot read ${option} without --cache: it says how a run is cached`);
  }
  if (given.branch === undefined) {
    throw new VarveError("USAGE", "Cannot cache the run: it is not told which branch gets the commit", {
      hint: "Name it with -b: it is made where REV is if there is none of that name.",
    });
  }
  if (!given.interactive && !given.tty) return;
  throw new VarveError(
    "USAGE",
    "Cannot cache the run: what is typed, or comes from stdin, can't be compared with an earlier run's",
    {
      hint: "Leave out -i and -t; put the input into a file, and show it with -v FILE:PLACE:ro.",
    },
  );
}

/** A run that may be reused, before it is. */
export interface CacheEntry {
  readonly key: string;
  readonly run: CachedRun;
}

export async function cacheEntry(
  repository: Repository,
  given: CacheValues & { readonly hostname: string | undefined },
  { parent, configuration }: { readonly parent: CommitId; readonly configuration: RunConfiguration },
): Promise<CacheEntry | undefined> {
  if (!given.cache) return undefined;
  const inputs = given.input.map((name) => ({ name, path: path.resolve(name) }));
  const run = { parent, configuration, namesHost: given.hostname !== undefined, inputs };
  return { key: await keyOfRun(repository, run), run };
}

/** @returns Whether the branch has got the commit of an earlier run. */
export async function isReused(
  repository: Repository,
  { key, run: { parent } }: CacheEntry,
  branch: RefName,
  { terminal, json, typed }: Session,
): Promise<boolean> {
  const reused = await reuseRun(repository, { key, parent, branch, command: typed });
  if (reused === undefined) return false;
  const { commit, isEmpty } = reused;
  terminal.say(isEmpty ? `cached: ${shortId(commit.id)} (the process changed nothing)` : `cached: ${shortId(commit.id)}`);
  if (json) {
    const result: CommitResult = { commit: { ...commit, sockets: 0 }, branch, ignored: 0, mounts: [], warnings: [] };
    const { exitCode = 0, durationMilliseconds = 0 } = commit.origin ?? {};
    const committed = isEmpty ? null : commitResultJson(result);
    printJson(terminal, { id: null, name: null, exitCode, durationMilliseconds, removed: true, commit: committed, cached: true });
  }
  return true;
}

/** Keeps what the run made, unless its inputs changed meanwhile. */
export async function keepForLater(
  repository: Repository,
  { key, run }: CacheEntry,
  made: { readonly commit: CommitId | undefined; readonly message: string; readonly origin: Origin },
  { terminal }: Session,
): Promise<void> {
  if ((await keyOfRun(repository, run)) === key) return rememberRun(repository, { key, parent: run.parent, ...made });
  terminal.complain("varve: warning: the run is not cached, since its inputs changed while it ran\n");
}
