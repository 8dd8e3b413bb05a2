import { VarveError } from "../errors.js";
import { ancestorsOf } from "../history/reaching.js";
import type { Ref } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { RefUpdate } from "../ports/history.js";
import type { Effect, UpstreamUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { BRANCHES, IMAGES, NAMED, shortName, TAGS } from "../revision/ref-names.js";
import { recordOperation } from "./record-operation.js";

export interface RefOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Moves a ref that exists; deletes a branch whose commits nothing else reaches; renames to a name that is taken. */
  readonly force?: boolean | undefined;
}

export interface CreateRefOptions extends RefOptions {
  /** Makes an annotated tag, with this message. */
  readonly annotation?: string | undefined;
}

/** Branches by `refs/heads/`, tags by `refs/tags/`, image references by `refs/images/`. */
export async function listRefs({ history }: Repository, prefixes: readonly string[]): Promise<readonly Ref[]> {
  return (await Promise.all(prefixes.map((prefix) => history.listRefs(prefix)))).flat();
}

export interface CreatedRef {
  /** What it named before. */
  readonly before: CommitId | undefined;
  /** False when it stood there already: then nothing was recorded. */
  readonly isChanged: boolean;
}

/** @throws VarveError NAME_TAKEN; BRANCH_BUSY when it would be moved under a container or directory. */
export async function createRef(
  repository: Repository,
  name: RefName,
  commit: CommitId,
  { command, force, annotation }: CreateRefOptions,
): Promise<CreatedRef> {
  return repository.exclusively(async () => {
    const { history } = repository;
    const before = await history.readRef(name);
    if (before !== undefined && force !== true) throw nameTaken(name, before);
    if (before !== undefined) await requireFree(repository, name, "move");
    const tag =
      annotation === undefined
        ? undefined
        : { name: shortName(name), commit, tagger: await history.author(), message: annotation };
    const afterTag = tag && (await history.writeTag(tag));
    const update = { ...(await standingRef(repository, name, before)), after: commit, ...(afterTag && { afterTag }) };
    const isChanged = before !== commit || afterTag !== undefined || update.beforeTag !== undefined;
    if (isChanged) await recordOperation(repository, { command, refs: [update], trees: [] });
    return { before, isChanged };
  });
}

/** Where a ref stands, an annotated tag too. */
async function standingRef(
  { history }: Repository,
  name: RefName,
  before: CommitId | undefined,
): Promise<Pick<RefUpdate, "name" | "before" | "beforeTag">> {
  const tag = name.startsWith(TAGS) ? await history.readTag(name) : undefined;
  return { name, before, ...(tag && { beforeTag: tag.id }) };
}

/**
 * Deletes all of them or none, as one operation.
 * @returns The commits that they named, in their order.
 * @throws VarveError REVISION_UNKNOWN, BRANCH_BUSY; without `force` CONFLICT for a branch that is not merged.
 */
export async function deleteRefs(
  repository: Repository,
  names: readonly RefName[],
  { command, force }: RefOptions,
): Promise<readonly CommitId[]> {
  return repository.exclusively(async () => {
    const commits = new Map<RefName, CommitId>();
    for (const name of names) commits.set(name, await deletableCommit(repository, name));
    if (force !== true) for (const name of names) await requireMerged(repository, name, commits);
    const refs: RefUpdate[] = [];
    const upstreams: UpstreamUpdate[] = [];
    for (const [name, before] of commits) {
      refs.push({ ...(await standingRef(repository, name, before)), after: undefined });
      const followed = name.startsWith(BRANCHES) ? await repository.history.upstream(name) : undefined;
      if (followed !== undefined) upstreams.push({ branch: name, before: followed, after: undefined });
    }
    await recordOperation(repository, { command, refs, trees: [], ...(upstreams.length > 0 && { upstreams }) });
    return [...commits.values()];
  });
}

async function deletableCommit(repository: Repository, name: RefName): Promise<CommitId> {
  const commit = await repository.history.readRef(name);
  if (commit === undefined) throw unknownName("delete", name);
  await requireFree(repository, name, "delete");
  return commit;
}

/**
 * As git: a branch goes by `-d` when its upstream has its commits, or HEAD. Where no directory stands on a HEAD, when another branch or a tag has.
 * @throws VarveError CONFLICT.
 */
async function requireMerged(repository: Repository, name: RefName, going: ReadonlyMap<RefName, CommitId>): Promise<void> {
  const commit = going.get(name);
  if (commit === undefined || !name.startsWith(BRANCHES)) return;
  const keepers = await keepersOf(repository, name, going);
  if (keepers.includes(commit) || (await ancestorsOf(repository.history, keepers)).has(commit)) return;
  throw new VarveError(
    "CONFLICT",
    `Cannot delete ${describe(name)}: it has commits that nothing else has, wanted a merged branch`,
    {
      hint: `To delete it all the same: varve branch -D ${shortName(name)} (undo brings it back).`,
    },
  );
}

async function keepersOf(
  { history, worktree }: Repository,
  name: RefName,
  going: ReadonlyMap<RefName, CommitId>,
): Promise<readonly CommitId[]> {
  const upstream = await history.upstream(name);
  const followed = upstream && (await history.readRef(upstream));
  if (followed !== undefined) return [followed];
  if (worktree !== undefined) return [(await history.readRef(await history.head())) ?? []].flat();
  const refs = (await Promise.all(NAMED.map((prefix) => history.listRefs(prefix)))).flat();
  return refs.filter((ref) => !going.has(ref.name)).map(({ commit }) => commit);
}

/**
 * Gives a branch another name; its log, its upstream and whoever stands on it go along.
 *
 * @returns The commit that it names; absent for a branch without one.
 * @throws VarveError REVISION_UNKNOWN; NAME_TAKEN; BRANCH_BUSY when `force` would take a branch away from under somebody.
 */
export async function renameBranch(
  repository: Repository,
  from: RefName,
  to: RefName,
  { command, force }: RefOptions,
): Promise<CommitId | undefined> {
  return repository.exclusively(async () => {
    const { history, containers } = repository;
    const commit = await history.readRef(from);
    const isHead = (await history.head()) === from;
    if (commit === undefined && !isHead) throw unknownName("rename", from);
    if (from === to) return commit;
    if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) throw renamedWithin(from, to);
    const taken = await history.readRef(to);
    if (taken !== undefined && force !== true) throw renamedOver(to);
    await requireFree(repository, to, "rename to");
    const refs =
      commit === undefined
        ? []
        : [
            { name: from, before: commit, after: undefined },
            { name: to, before: taken, after: commit, from },
          ];
    const standings = containers
      .list()
      .filter(({ record }) => record.branch === from)
      .map(({ record: { id, branchMadeAt: made } }) => {
        const madeAt = made && { branchMadeAt: made };
        return { container: id, before: { branch: from, ...madeAt }, after: { branch: to, ...madeAt } };
      });
    const effect = {
      refs,
      trees: [],
      ...(isHead && { head: { before: from, after: to } }),
      ...(standings.length > 0 && { standings }),
    };
    await recordOperation(repository, { command, ...effect, ...(await movedUpstreams(repository, from, to)) });
    return commit;
  });
}

async function movedUpstreams({ history }: Repository, from: RefName, to: RefName): Promise<Pick<Effect, "upstreams">> {
  const [old, replaced] = [await history.upstream(from), await history.upstream(to)];
  if (old === undefined && replaced === undefined) return {};
  const moved = { branch: to, before: replaced, after: old };
  return { upstreams: [{ branch: from, before: old, after: undefined }, moved] };
}

function renamedOver(to: RefName): VarveError {
  return new VarveError("NAME_TAKEN", `Cannot rename to ${describe(to)}: there is one of that name`, {
    hint: "Give --force (or -M) to replace it; undo takes that back.",
  });
}

/** The one's file would have to be the other's folder. */
function renamedWithin(from: RefName, to: RefName): VarveError {
  return new VarveError("NAME_TAKEN", `Cannot rename ${describe(from)} to "${shortName(to)}": one is a folder of the other`, {
    hint: "Rename it to a third name first.",
  });
}

/** @param upstream Absent: the branch follows none. @throws VarveError REVISION_UNKNOWN. */
export async function setUpstream(
  repository: Repository,
  branch: RefName,
  upstream: RefName | undefined,
  { command }: Pick<RefOptions, "command">,
): Promise<void> {
  await repository.exclusively(async () => {
    const { history } = repository;
    if ((await history.readRef(branch)) === undefined) throw unknownName("set the upstream of", branch);
    if (upstream !== undefined && (await history.readRef(upstream)) === undefined) throw unknownName("follow", upstream);
    const before = await history.upstream(branch);
    if (before === upstream) return;
    await recordOperation(repository, { command, refs: [], trees: [], upstreams: [{ branch, before, after: upstream }] });
  });
}

/** What may be done to a branch that nobody stands on. */
type FreeUse = "move" | "delete" | "use" | "import to" | "switch to" | "go back to" | "rename to";

export interface FreeOptions {
  /** Ids of containers that may stand on it. */
  readonly besides?: readonly string[];
  /** The tracked directory may stand on it. */
  readonly ofDirectory?: boolean;
}

/** @throws VarveError BRANCH_BUSY when a container or the tracked directory stands on the branch. */
export async function requireFree(
  { containers, history, worktree }: Repository,
  branch: RefName,
  verb: FreeUse,
  { besides = [], ofDirectory = false }: FreeOptions = {},
): Promise<void> {
  const holder = containers.list().find(({ record }) => record.branch === branch && !besides.includes(record.id));
  const byDirectory = !ofDirectory && worktree !== undefined && (await history.head()) === branch;
  if (holder === undefined && !byDirectory) return;
  const by = holder === undefined ? "the tracked directory" : `container "${holder.record.name}"`;
  throw new VarveError("BRANCH_BUSY", `Cannot ${verb} ${describe(branch)}: ${by} stands on it`, {
    hint: holder === undefined ? HINT_OF_DIRECTORY[verb] : hintOfContainer(holder.record.name, verb),
  });
}

const ANOTHER_BRANCH = "Put the directory on another branch first: varve switch BRANCH";

const HINT_OF_DIRECTORY: Readonly<Record<FreeUse, string>> = {
  move: "To move it together with the directory's files: varve rollback REV",
  delete: ANOTHER_BRANCH,
  use: "Name another branch with -b.",
  "import to": "Name another branch with -b.",
  "switch to": "Name another branch, or make one of its own: varve switch TARGET -c NEW",
  "go back to": ANOTHER_BRANCH,
  "rename to": "Choose another name.",
};

function hintOfContainer(name: string, verb: FreeUse): string {
  if (verb === "move") return `To move it together with the container's tree: varve rollback ${name} REV`;
  const first = `Remove the container first (varve rm ${name}), or put it on another branch (varve switch ${name} BRANCH)`;
  return verb === "use" || verb === "import to" ? `${first}, or name another branch with -b.` : `${first}.`;
}

/** @param hint For a command that can't move it. */
export function nameTaken(name: RefName, commit: CommitId, hint = "Give --force to move it; undo takes that back."): VarveError {
  return new VarveError("NAME_TAKEN", `Cannot make ${describe(name)}: it exists, at ${commit.slice(0, 12)}`, { hint });
}

function unknownName(verb: string, name: RefName): VarveError {
  return new VarveError("REVISION_UNKNOWN", `Cannot ${verb} ${describe(name)}: there is none of that name`, {
    hint: `\`varve ${name.startsWith(BRANCHES) ? "branch" : "tag"}\` lists those that there are.`,
  });
}

function describe(name: RefName): string {
  const kind = name.startsWith(TAGS) ? "tag" : name.startsWith(IMAGES) ? "image reference" : "branch";
  return `${kind} "${shortName(name)}"`;
}
