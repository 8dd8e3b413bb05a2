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

/**
 * Deletes all of them or none, as one operation.
 * @returns The commits that they named, in their order.
 * @throws VarveError REVISION_UNKNOWN, BRANCH_BUSY.
 */
export async function deleteRefs(
  repository: Repository,
  names: readonly RefName[],
  { command }: RefOptions,
): Promise<readonly CommitId[]> {
  return repository.exclusively(async () => {
    const commits = new Map<RefName, CommitId>();
    for (const name of names) commits.set(name, await deletableCommit(repository, name));
    const refs = [...commits].map(([name, before]) => ({ name, before, after: undefined }));
    await recordOperation(repository, { command, refs, trees: [] });
    return [...commits.values()];
  });
}

async function deletableCommit(repository: Repository, name: RefName): Promise<CommitId> {
  const commit = await repository.history.readRef(name);
  if (commit === undefined)
    throw new VarveError("REVISION_UNKNOWN", `Cannot delete ${describe(name)}: there is none of that name`);
  await requireFree(repository, name, "delete");
  return commit;
}

/** What may be done to a branch that nobody stands on. */
type FreeUse = "move" | "delete" | "use" | "import to";

/** @throws VarveError BRANCH_BUSY when a container or the tracked directory stands on the branch. */
export async function requireFree({ containers, history, worktree }: Repository, branch: RefName, verb: FreeUse): Promise<void> {
  const holder = containers.list().find(({ record }) => record.branch === branch);
  const byDirectory = worktree !== undefined && (await history.head()) === branch;
  if (holder === undefined && !byDirectory) return;
  const by = holder === undefined ? "the tracked directory" : `container "${holder.record.name}"`;
  throw new VarveError("BRANCH_BUSY", `Cannot ${verb} ${describe(branch)}: ${by} stands on it`, {
    hint: holder === undefined ? HINT_OF_DIRECTORY[verb] : hintOfContainer(holder.record.name, verb),
  });
}

const HINT_OF_DIRECTORY: Readonly<Record<FreeUse, string>> = {
  move: "To move it together with the directory's files: varve rollback REV",
  delete: "It stays: varve can't put the directory on another branch yet.",
  use: "Name another branch with -b.",
  "import to": "Name another branch with -b.",
};

function hintOfContainer(name: string, verb: FreeUse): string {
  if (verb === "move") return `To move it together with the container's tree: varve rollback ${name} REV`;
  const first = `Remove the container first (varve rm ${name})`;
  return verb === "delete" ? `${first}.` : `${first}, or name another branch with -b.`;
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
