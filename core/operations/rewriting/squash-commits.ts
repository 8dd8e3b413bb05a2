import { VarveError } from "../../errors.js";
import { oldestFirst } from "../../history/oldest-first.js";
import { commitTree } from "../../layers/commit-tree.js";
import { keptLayers } from "../../layers/kept-layers.js";
import type { Commit, Ref } from "../../model/commit.js";
import type { CommitId, LayerId, RefName } from "../../model/ids.js";
import type { Repository } from "../../ports/repository.js";
import { SAVED } from "../../revision/ref-names.js";
import { recordOperation } from "../record-operation.js";
import { rewriteCommits, type Rewritten } from "./rewrite-commits.js";
import { openCommitTree } from "../targets.js";
import { requireNoneInProgress } from "../work-in-progress.js";

export interface SquashOptions {
  /** The commit that the range stands on; `undefined`: it begins with the first commit. */
  readonly from: CommitId | undefined;
  /** The last commit of the range: of the branch's history. */
  readonly to: CommitId;
  /** By default the messages of all commits, the oldest first. */
  readonly message?: string | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

export interface SquashResult {
  readonly branch: RefName;
  readonly before: CommitId;
  readonly after: CommitId;
  /** What the range became. */
  readonly squashed: CommitId;
  /** How many commits the range had. */
  readonly commits: number;
  /** How many commits stood on it, and stand on the new one now, with the same trees. */
  readonly replayed: number;
  /** Other branches and tags that stand on a commit which was written anew. They stay there. */
  readonly left: readonly Ref[];
}

/**
 * Makes one commit of a range: from the tree that it stands on to the tree of its last commit, so that what came and went within it is gone. The
 * commits after it are put on the new one. All trees stay, and so do directories, containers and what is not committed in them.
 *
 * @returns `undefined` when the range holds one commit and no other message was given.
 * @throws VarveError USAGE when the range is no part of the branch's history that one commit can stand for; IN_PROGRESS when a merge or the like is in
 *   progress on the branch.
 */
export async function squashCommits(
  repository: Repository,
  branch: RefName,
  options: SquashOptions,
): Promise<SquashResult | undefined> {
  return repository.exclusively(async () => {
    const found = await rangeToSquash(repository, branch, options);
    if (found === undefined) return undefined;
    const { before, range, above } = found;
    const squashed = await writeSquashed(repository, branch, { range, above }, options);
    const rewritten: Rewritten = new Map([[options.to, squashed]]);
    await rewriteCommits(repository, above, rewritten);
    const after = rewritten.get(before) ?? before;
    const left = await standingOn(repository, branch, [...range, ...above]);
    await recordOperation(repository, { command: options.command, refs: [{ name: branch, before, after }], trees: [] });
    return { branch, before, after, squashed, commits: range.length, replayed: rewritten.size - 1, left };
  });
}

export interface SquashPlan {
  readonly branch: RefName;
  readonly before: CommitId;
  /** What would become one commit, oldest first. */
  readonly range: readonly Commit[];
  /** How many commits would be put on it, with the same trees. */
  readonly replayed: number;
  /** The message that it would have. */
  readonly message: string;
  readonly left: readonly Ref[];
}

/** What `squashCommits` would do: nothing is written. @throws VarveError as it does. */
export async function planSquash(
  repository: Repository,
  branch: RefName,
  options: SquashOptions,
): Promise<SquashPlan | undefined> {
  return repository.exclusively(async () => {
    const found = await rangeToSquash(repository, branch, options);
    if (found === undefined) return undefined;
    const { before, range, above } = found;
    const left = await standingOn(repository, branch, [...range, ...above]);
    return { branch, before, range, replayed: movedWith(options.to, above), message: options.message ?? joined(range), left };
  });
}

/** Those that come from the range; what a merge above it brought in does not. */
function movedWith(to: CommitId, above: readonly Commit[]): number {
  const moved = new Set([to]);
  for (const { id, parents } of above) if (parents.some((parent) => moved.has(parent))) moved.add(id);
  return moved.size - 1;
}

/** @returns `undefined` when it would stay as it is. */
async function rangeToSquash(
  repository: Repository,
  branch: RefName,
  options: SquashOptions,
): Promise<(Division & { readonly before: CommitId }) | undefined> {
  await requireNoneInProgress(repository, "squash", new Set([branch]));
  const before = await repository.history.readRef(branch);
  if (before === undefined) throw notInHistory(branch, options.to);
  const division = await divide(repository, branch, before, options);
  return division.range.length === 1 && options.message === undefined ? undefined : { before, ...division };
}

interface Division {
  /** Oldest first. */
  readonly range: readonly Commit[];
  /** What stands on it, and whatever else the branch has beside the range. */
  readonly above: readonly Commit[];
}

/** @throws VarveError USAGE when the range has another way in than the commit that it stands on, or another way out than its last commit. */
async function divide({ history }: Repository, branch: RefName, tip: CommitId, { from, to }: SquashOptions): Promise<Division> {
  const line = await straightLine(history, tip, from, to);
  if (line !== undefined) return line;
  const below = from === undefined ? new Set<CommitId>() : new Set((await oldestFirst(history, [from])).map(({ id }) => id));
  const all = await oldestFirst(history, [tip], below);
  const range = await oldestFirst(history, [to], below);
  const inRange = new Set(range.map(({ id }) => id));
  if (!all.some(({ id }) => id === to)) throw notInHistory(branch, to);
  if (range.length === 0) throw emptyRange(from, to);
  for (const { id, parents } of range) {
    const entry = parents.length === 0 ? from === undefined : parents.every((parent) => parent === from || inRange.has(parent));
    if (!entry) throw severalWays(id, from === undefined ? "has a parent" : `does not stand on ${short(from)} alone`);
  }
  const above = all.filter(({ id }) => !inRange.has(id));
  for (const { id, parents } of above) {
    const inner = parents.find((parent) => parent !== to && inRange.has(parent));
    if (inner !== undefined) throw severalWays(id, `stands on ${short(inner)}, in the midst of the range`);
  }
  return { range, above };
}

/** The division of a history without merges, for which nothing below the range is read. @returns `undefined` for any other. */
async function straightLine(
  history: Repository["history"],
  tip: CommitId,
  from: CommitId | undefined,
  to: CommitId,
): Promise<Division | undefined> {
  const [above, range]: [Commit[], Commit[]] = [[], []];
  let part = above;
  for (let at: CommitId | undefined = tip; at !== from;) {
    if (at === undefined) return undefined;
    const commit: Commit = await history.readCommit(at);
    if (commit.parents.length > 1) return undefined;
    if (at === to) part = range;
    part.push(commit);
    at = commit.parents[0];
  }
  return range.length === 0 ? undefined : { range: range.reverse(), above: above.reverse() };
}

async function writeSquashed(
  repository: Repository,
  branch: RefName,
  { range, above }: Division,
  { from, message }: SquashOptions,
): Promise<CommitId> {
  const [first, last] = [range[0] as Commit, range.at(-1) as Commit];
  const base = await openCommitTree(repository, from);
  const target = await openCommitTree(repository, last.id);
  try {
    const commit = await commitTree(repository, {
      parent: from,
      base,
      target: async () => target,
      message: message ?? joined(range),
      author: first.author,
      config: last.config,
      // One command made none of several commits.
      origin: range.length === 1 ? last.origin : undefined,
      allowEmpty: true,
      kept: await stillKept(repository, branch, from, above),
    });
    if (commit?.tree === last.tree) return commit.id;
    throw new VarveError("BUG", `Cannot squash: the tree became "${commit?.tree}", wanted "${last.tree}"`);
  } finally {
    base.close();
    target.close();
  }
}

/** The layers that stay when those of the range go: else what is gone from the trees would stay in the store, for the sake of what lends. */
async function stillKept(
  { history, layers }: Repository,
  branch: RefName,
  from: CommitId | undefined,
  above: readonly Commit[],
): Promise<ReadonlySet<LayerId>> {
  const kept = await keptLayers(history, from, new Set([branch]));
  for (const { layer } of above) for (const lender of layers.lenders(layer)) kept.add(lender);
  return kept;
}

function joined(range: readonly Commit[]): string {
  return range
    .map(({ message }) => message.trimEnd())
    .filter((message) => message !== "")
    .join("\n\n");
}

async function standingOn({ history }: Repository, branch: RefName, commits: readonly Commit[]): Promise<readonly Ref[]> {
  const ids = new Set(commits.map(({ id }) => id));
  const refs = await history.listRefs("refs/");
  return refs.filter(({ name, commit }) => name !== branch && !name.startsWith(SAVED) && ids.has(commit));
}

function notInHistory(branch: RefName, commit: CommitId): VarveError {
  const name = branch.replace("refs/heads/", "");
  return new VarveError("USAGE", `Cannot squash up to ${short(commit)}: branch "${name}" does not come from it`, {
    hint: `What it comes from is listed by: varve log ${name}`,
  });
}

function emptyRange(from: CommitId | undefined, to: CommitId): VarveError {
  const [a, b] = [from === undefined ? "" : short(from), short(to)];
  return new VarveError("USAGE", `Cannot squash ${a}..${b}: ${b} comes before ${a}, or is the same, wanted the older one first`, {
    hint: "A..B are the commits after A up to B.",
  });
}

function severalWays(commit: CommitId, state: string): VarveError {
  return new VarveError("USAGE", `Cannot squash the range: commit ${short(commit)} ${state}`, {
    hint: "One commit can stand for a range that all leads from one commit to one. With merges in it, name a range from before the branches parted to the merge, or after.",
  });
}

function short(commit: CommitId): string {
  return commit.slice(0, 12);
}
