import { execFileSync } from "node:child_process";
import type { ExecutionContext } from "ava";
import { textOf } from "../../core/model/byte-string.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { createRef } from "../../core/operations/branches.js";
import { rollbackTarget } from "../../core/operations/rollback-target.js";
import { statusOf } from "../../core/operations/status-of.js";
import { trackedRepository, type TrackedRepository } from "./tracked-repository.js";

export interface ForkedDirectory extends TrackedRepository {
  readonly base: CommitId;
  /** HEAD, on branch main. */
  readonly ours: CommitId;
  /** On branch topic. */
  readonly theirs: CommitId;
  sh(script: string): string;
  /** What find(1), getfattr-less stat and sha256sum(1) say of the directory, without its store. */
  witness(): string;
  /** Paths that are not committed. */
  changed(): Promise<string[]>;
}

/** A tracked directory whose history forks: each side is what a shell script makes of the base. */
export async function forkedDirectory(
  t: ExecutionContext,
  { base: first, ours: own, theirs: other }: Readonly<Record<"base" | "ours" | "theirs", string>>,
): Promise<ForkedDirectory> {
  const tracked = await trackedRepository(t);
  const { repository, directory, target, commit } = tracked;
  const sh = (script: string): string => execFileSync("sh", ["-ec", script], { cwd: directory, encoding: "utf8" });
  sh(first);
  const base = await commit("base");
  sh(other);
  const theirs = await commit("theirs");
  await createRef(repository, "refs/heads/topic" as RefName, theirs, { command: "branch topic" });
  (await rollbackTarget(repository, target, base, { command: "rollback" })).close();
  sh(own);
  const ours = own === "" ? base : await commit("ours");
  const find = "find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | sort; ";
  const sums = "find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0r sha256sum";
  const changed = async (): Promise<string[]> => {
    const { changes, close } = await statusOf(repository, target);
    close();
    return changes.map(({ status, path }) => `${status} ${textOf(path)}`);
  };
  return { ...tracked, base, ours, theirs, sh, witness: () => sh(find + sums), changed };
}
