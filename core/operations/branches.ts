import { VarveError } from "../errors.js";
import type { Ref } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import { recordOperation } from "./record-operation.js";

export interface RefOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Moves a ref that exists. */
  readonly force?: boolean;
}

/** Branches by `refs/heads/`, tags by `refs/tags/`. */
export async function listRefs({ history }: Repository, prefix: "refs/heads/" | "refs/tags/"): Promise<readonly Ref[]> {
  return history.listRefs(prefix);
}

/** @throws VarveError NAME_TAKEN; BRANCH_BUSY when it would be moved under a container or directory. */
export async function createRef(repository: Repository, name: RefName, commit: CommitId, options: RefOptions): Promise<void> {
  await repository.exclusively(async () => {
    const before = await repository.history.readRef(name);
    if (before !== undefined && options.force !== true) throw nameTaken(name, before);
    if (before !== undefined) await requireFree(repository, name, "move");
    await recordOperation(repository, { command: options.command, refs: [{ name, before, after: commit }], trees: [] });
  });
}

/** @throws VarveError REVISION_UNKNOWN, BRANCH_BUSY. */
export async function deleteRef(repository: Repository, name: RefName, { command }: RefOptions): Promise<CommitId> {
  return repository.exclusively(async () => {
    const before = await repository.history.readRef(name);
    if (before === undefined)
      throw new VarveError("REVISION_UNKNOWN", `Cannot delete ${describe(name)}: there is none of that name`);
    await requireFree(repository, name, "delete");
    await recordOperation(repository, { command, refs: [{ name, before, after: undefined }], trees: [] });
    return before;
  });
}

/** @throws VarveError BRANCH_BUSY when a container or the tracked directory stands on the branch. */
export async function requireFree({ containers, history, worktree }: Repository, branch: RefName, verb: string): Promise<void> {
  const holder = containers.list().find(({ record }) => record.branch === branch);
  const byDirectory = worktree !== undefined && (await history.head()) === branch;
  if (holder === undefined && !byDirectory) return;
  const by = holder === undefined ? "the tracked directory" : `container "${holder.record.name}"`;
  throw new VarveError("BRANCH_BUSY", `Cannot ${verb} ${describe(branch)}: ${by} stands on it`, {
    hint:
      holder === undefined
        ? "Use another branch."
        : `Remove the container first (varve rm ${holder.record.name}), or use another branch.`,
  });
}

function nameTaken(name: RefName, commit: CommitId): VarveError {
  return new VarveError("NAME_TAKEN", `Cannot make ${describe(name)}: it exists, at ${commit.slice(0, 12)}`, {
    hint: "Give --force to move it; undo takes that back.",
  });
}

function describe(name: RefName): string {
  const [, kind, ...rest] = name.split("/");
  return `${kind === "tags" ? "tag" : "branch"} "${rest.join("/")}"`;
}
