import { commitTree } from "../../layers/commit-tree.js";
import { keptLayers } from "../../layers/kept-layers.js";
import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, ContentDigest, DirectoryDigest, LayerId, RefName } from "../../model/ids.js";
import { nodeAt } from "../../model/paths.js";
import type { RefUpdate } from "../../ports/history.js";
import type { StandingUpdate, TreeUpdate } from "../../ports/operation-log.js";
import type { Repository } from "../../ports/repository.js";
import { CACHED } from "../../revision/ref-names.js";
import { withoutPaths } from "../../trees/without-paths.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { saveLive } from "../commit-target.js";
import { requireStopped } from "../container-state.js";
import { findContents } from "./find-holders.js";
import type { MatchedPattern } from "./match-patterns.js";
import {
  heldByNone,
  planForgetting,
  type ContainerTarget,
  type ForgettingPlan,
  type ForgettingScope,
} from "./plan-forgetting.js";
import { performOperation, treeAct, type TreeAct } from "../change-trees.js";
import { keepSaved } from "../record-operation.js";
import { rewriteCommits, type Rewritten } from "./rewrite-commits.js";
import { findTarget, openCommitTree, openLiveTree, type LiveTree } from "../targets.js";
import { requireNoneInProgress } from "../work-in-progress.js";

export interface ForgetOptions extends ForgettingScope {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Only tells what would be done. */
  readonly dryRun?: boolean;
}

export interface ForgetResult {
  /** Of each pattern the paths that were forgotten. */
  readonly matched: readonly MatchedPattern[];
  /** How many commits held one of the paths. */
  readonly holding: number;
  /** How many commits were written anew: those, and what comes from them. */
  readonly rewritten: number;
  /** Layers in whose place others stand now. They go when nothing needs them any more, undo neither. */
  readonly replaced: { readonly layers: number; readonly bytes: number };
  /** Contents of the files that were forgotten. */
  readonly contents: readonly ForgottenContent[];
  /** Branches, tags and the like that moved. */
  readonly refs: readonly RefUpdate[];
  /** Names of containers that lost a path, or stand on other commits. */
  readonly containers: readonly string[];
  /** Paths that the tracked directory still has: the next commit would take them up again. */
  readonly live: readonly ByteString[];
}

export interface ForgottenContent {
  readonly digest: ContentDigest;
  /** Bytes. */
  readonly size: number;
  /** Where it stands still, in a file that was not forgotten. */
  readonly keptAt: ContentPlace | undefined;
}

export interface ContentPlace {
  readonly commit: CommitId;
  /** Absent when it is an older commit that has it. */
  readonly ref?: RefName;
  readonly path: ByteString;
}

/**
 * Writes every commit anew that holds a path, so that none has it, and what comes from it; moves branches, tags and containers there. Layers that
 * borrow from those which had it are written anew, too: what the old ones hold nothing needs any more but `undo`. What is not committed in a container
 * stays so, without the path. The tracked directory is left as it is.
 *
 * @throws VarveError PATH_MISSING when nothing has one of them, or nothing matches a pattern; CONTAINER_RUNNING; IN_PROGRESS while a merge or the like is in progress.
 */
export async function forgetPaths(repository: Repository, options: ForgetOptions): Promise<ForgetResult> {
  return repository.exclusively(async () => {
    await requireNoneInProgress(repository, "forget a path", options.branches && new Set(options.branches));
    const plan = await planForgetting(repository, options);
    if (plan.changed.size === 0 && plan.containers.length === 0) throw heldByNone(options);
    for (const { target } of plan.containers) requireStopped(target, "forget a path in");
    if (options.dryRun === true) return resultOf(repository, plan, new Map(), []);
    return carryOut(repository, plan, options);
  });
}

/** A container's tree is changed without a look at it. */
const NO_TREES = {} as LiveTree;

async function carryOut(repository: Repository, plan: ForgettingPlan, { command }: ForgetOptions): Promise<ForgetResult> {
  const rewritten: Rewritten = new Map();
  const { dropped } = plan;
  await rewriteCommits(repository, plan.commits, rewritten, {
    concerns: ({ layer }) => dropped.has(layer),
    rewrite: layerRewriter(repository, plan),
  });
  const moves = movesOf(plan, rewritten);
  const saved: RefUpdate[] = [];
  const trees: TreeUpdate[] = [];
  const acts: TreeAct[] = [];
  for (const { target } of plan.containers) {
    const { update, refs } = await newStanding(repository, target, plan, rewritten, command);
    trees.push(update);
    acts.push(treeAct(repository, target, NO_TREES, update));
    saved.push(...refs);
  }
  const result = await resultOf(repository, plan, rewritten, await liveAt(repository, moves, plan.places));
  const refs = [...(await withTags(repository, moves)), ...saved];
  const draft = { command, refs, trees, standings: standingsOf(plan, rewritten), forgets: plan.places };
  await performOperation(repository, draft, acts);
  return { ...result, refs: moves };
}

/** An annotated tag is written anew, too: it is of another commit now. */
async function withTags({ history }: Repository, moves: readonly RefUpdate[]): Promise<readonly RefUpdate[]> {
  const updates: RefUpdate[] = [];
  for (const move of moves) {
    const tag = await history.readTag(move.name);
    if (tag === undefined || move.after === undefined) updates.push(move);
    else {
      const { id: beforeTag, name, tagger, message } = tag;
      updates.push({ ...move, beforeTag, afterTag: await history.writeTag({ name, tagger, message, commit: move.after }) });
    }
  }
  return updates;
}

/** A branch goes with its container as long as it stands where it was made. */
function standingsOf({ containers }: ForgettingPlan, rewritten: Rewritten): readonly StandingUpdate[] {
  return containers.flatMap(({ target: { record } }) => {
    const { id: container, branch, branchMadeAt } = record;
    const madeAt = branchMadeAt && rewritten.get(branchMadeAt);
    if (madeAt === undefined) return [];
    return [{ container, before: { branch, branchMadeAt }, after: { branch, branchMadeAt: madeAt } }];
  });
}

/** Writes the layer of a commit anew where it must go; else the commit alone, on its new parents. */
function layerRewriter(repository: Repository, { places, holders, dropped }: ForgettingPlan) {
  const { history } = repository;
  /** New layers lend to newer ones, as the old ones did. */
  const made = new Set<LayerId>();
  return async (commit: Commit, parents: readonly CommitId[]): Promise<CommitId> => {
    const { author, message, config, origin } = commit;
    if (!dropped.has(commit.layer)) {
      const { layer, tree, added, modified, deleted, storedBytes } = commit;
      const counts = { added, modified, deleted, storedBytes };
      return history.writeCommit({ layer, tree, ...counts, parents, author, message, config, origin });
    }
    const [parent, ...otherParents] = parents;
    const base = await openCommitTree(repository, parent);
    const old = await openCommitTree(repository, commit.id);
    try {
      const target = holders.commits.has(commit.id) ? withoutPaths(old, places) : old;
      const options = { parent, base, target: async () => target, otherParents, author, message, config, origin };
      const written = await writeFree(repository, options, { dropped, made });
      made.add(written.layer);
      return written.id;
    } finally {
      base.close();
      old.close();
    }
  };
}

type WriteOptions = Parameters<typeof commitTree>[1];

/** Writes a commit of which no content is borrowed from layers that are to go. */
async function writeFree(
  repository: Repository,
  options: WriteOptions,
  { dropped, made }: { readonly dropped: ReadonlySet<LayerId>; readonly made: ReadonlySet<LayerId> },
): Promise<Commit> {
  const kept = await keptLayers(repository.history, options.parent);
  const lending = new Set([...kept, ...made].filter((layer) => !dropped.has(layer)));
  const written = (await commitTree(repository, { ...options, allowEmpty: true, kept: lending })) as Commit;
  const leads = [written.layer, ...repository.layers.lenders(written.layer)].some((layer) => dropped.has(layer));
  if (!leads) return written;
  // A layer with the same contents, known from before, was taken: nothing is looked up without others that lend.
  return (await commitTree(repository, { ...options, allowEmpty: true, kept: new Set() })) as Commit;
}

/** What a run was cached as is not offered any more: it was asked for by a parent that is gone. @param rewritten Of a plan that was not carried out: empty. */
function movesOf({ refs, changed }: ForgettingPlan, rewritten: Rewritten): readonly RefUpdate[] {
  return refs
    .filter(({ commit }) => changed.has(commit))
    .map(({ name, commit }) => ({
      name,
      before: commit,
      after: name.startsWith(CACHED) ? undefined : (rewritten.get(commit) ?? commit),
    }));
}

/** A container's tree without the paths, above its branch's new commit: what was not committed stays so. */
async function newStanding(
  repository: Repository,
  target: ContainerTarget,
  { places, dropped }: ForgettingPlan,
  rewritten: Rewritten,
  command: string,
): Promise<{ readonly update: TreeUpdate; readonly refs: readonly RefUpdate[] }> {
  const trees = await openLiveTree(repository, target);
  try {
    const { commit: before } = trees.head;
    const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
    const head = before && (rewritten.get(before) ?? before);
    const base = await openCommitTree(repository, head);
    try {
      const live = withoutPaths(trees.live, places);
      const options = { parent: head, base, target: async () => live, message: `saved: after ${command}` };
      const written = await writeFree(repository, options, { dropped, made: new Set() });
      const parentTree = head && (await repository.history.readCommit(head)).tree;
      const own = written.tree === parentTree ? undefined : written.id;
      const refs = [...(await keepSaved(repository, saved)), ...(await keepSaved(repository, own))];
      const update = {
        target: { kind: "container", id: target.record.id },
        before: saved ?? before,
        after: own ?? head,
      } as const;
      return { update, refs };
    } finally {
      base.close();
    }
  } finally {
    trees.close();
  }
}

/** The paths that the tracked directory has, when its branch has moved. */
async function liveAt(
  repository: Repository,
  moves: readonly RefUpdate[],
  places: readonly ByteString[],
): Promise<readonly ByteString[]> {
  if (repository.worktree === undefined) return [];
  const head = await repository.history.head();
  if (!moves.some(({ name }) => name === head)) return [];
  const { live, close } = await openLiveTree(repository, findTarget(repository, undefined));
  try {
    return places.filter((place) => nodeAt(live, place) !== undefined);
  } finally {
    close();
  }
}

async function resultOf(
  repository: Repository,
  plan: ForgettingPlan,
  rewritten: Rewritten,
  live: readonly ByteString[],
): Promise<ForgetResult> {
  const { holders, changed, dropped, containers, uncommitted } = plan;
  const bytes = [...dropped].reduce((sum, layer) => sum + repository.layers.storedBytes(layer), 0);
  const sizes = new Map([...holders.contents, ...uncommitted]);
  const kept = await stillHeld(repository, plan, rewritten, sizes);
  return {
    matched: plan.matched,
    holding: holders.commits.size,
    rewritten: changed.size,
    replaced: { layers: dropped.size, bytes },
    contents: [...sizes].map(([digest, size]) => ({ digest, size, keptAt: kept.get(digest) })),
    refs: movesOf(plan, rewritten),
    containers: containers.map(({ target }) => target.record.name),
    live,
  };
}

/** Contents of what was forgotten that commits hold at other paths: branches and tags first, then, of commits that were written anew, older ones. */
async function stillHeld(
  repository: Repository,
  { refs, commits, places }: ForgettingPlan,
  rewritten: Rewritten,
  sizes: ReadonlyMap<ContentDigest, number>,
): Promise<ReadonlyMap<ContentDigest, ContentPlace>> {
  const [wanted, seen] = [new Map(sizes), new Set<DirectoryDigest>()];
  const found = new Map<ContentDigest, ContentPlace>();
  const look = async (commit: CommitId, ref?: RefName): Promise<void> => {
    const tree = await openCommitTree(repository, commit);
    try {
      const held = await findContents(withoutPaths(tree, places), wanted, seen);
      held.forEach((path, digest) => found.set(digest, { commit, path, ...(ref && { ref }) }));
    } finally {
      tree.close();
    }
  };
  for (const { name, commit } of refs) if (wanted.size > 0) await look(rewritten.get(commit) ?? commit, name);
  if (rewritten.size === 0) return found;
  const digests = new Set(wanted.keys());
  for (const { id } of commits) {
    if (wanted.size === 0) break;
    if (isTurnDue()) await yieldToSignals();
    const commit = await repository.history.readCommit(rewritten.get(id) ?? id);
    if (repository.layers.contentsOf(commit.layer, digests).length > 0) await look(commit.id);
  }
  return found;
}
