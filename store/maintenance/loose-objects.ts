import { lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import type { CommitId } from "../../core/model/ids.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import type { LooseCommits } from "../../core/ports/garbage.js";
import { LAYER_FILE } from "../git/commit-files.js";
import { filesOfTree, looseObject, readLooseObject } from "../git/loose-objects.js";
import { errnoOf, systemFailure } from "../system-failure.js";

const STAT_BLOCK_BYTES = 512;

interface LooseCommit {
  readonly tree: string;
}

/** Ids of files by name. */
type LooseTree = ReadonlyMap<string, string>;

/**
 * The loose commits of varve's own form that are not kept, each with its tree and files as far as no other loose tree has them.
 * Objects in packs are left to `git gc`, and so is whatever git's own commands made.
 */
export async function findLooseCommits(git: string, kept: ReadonlySet<CommitId>): Promise<LooseCommits> {
  const { commits, trees, tags } = await scan(git);
  const going = [...commits].filter(([id, { tree }]) => !kept.has(id as CommitId) && trees.get(tree)?.has(LAYER_FILE) === true);
  const goingIds = new Set(going.map(([id]) => id));
  const stayingTrees = new Set([...commits].flatMap(([id, { tree }]) => (goingIds.has(id) ? [] : [tree])));
  for (const files of trees.values()) for (const id of files.values()) if (trees.has(id)) stayingTrees.add(id);
  const goingTrees = new Set(going.map(([, { tree }]) => tree).filter((tree) => !stayingTrees.has(tree)));
  const stayingFiles = new Set([...trees].flatMap(([id, files]) => (goingTrees.has(id) ? [] : [...files.values()])));
  const files = new Set([...goingTrees].flatMap((tree) => [...(trees.get(tree)?.values() ?? [])]));
  const goingFiles = [...files].filter((id) => !stayingFiles.has(id) && diskBytes(git, id) !== undefined);
  // A tag whose commit goes is named by nothing: whatever names it keeps the commit.
  const goingTags = [...tags].flatMap(([id, object]) => (goingIds.has(object) ? [id] : []));
  const objects = [...goingTags, ...goingIds, ...goingTrees, ...goingFiles];
  const bytes = objects.reduce((sum, id) => sum + (diskBytes(git, id) ?? 0), 0);
  return { commits: [...goingIds] as CommitId[], objects, bytes };
}

/** @returns `undefined` when it does not stand there. */
function diskBytes(git: string, id: string): number | undefined {
  const stat = lstatSync(looseObject(git, id), { throwIfNoEntry: false });
  return stat && stat.blocks * STAT_BLOCK_BYTES;
}

interface LooseObjects {
  readonly commits: ReadonlyMap<string, LooseCommit>;
  readonly trees: ReadonlyMap<string, LooseTree>;
  /** What annotated tags are of. */
  readonly tags: ReadonlyMap<string, string>;
}

async function scan(git: string): Promise<LooseObjects> {
  const tags = new Map<string, string>();
  const commits = new Map<string, LooseCommit>();
  const trees = new Map<string, LooseTree>();
  for (const id of looseIds(git)) {
    if (isTurnDue()) await yieldToSignals();
    const object = readLooseObject(git, id);
    if (object === undefined) continue;
    const { kind, body } = object;
    const tree = kind === "commit" ? /^tree ([0-9a-f]{40})\n/.exec(body.toString("latin1", 0, 46))?.[1] : undefined;
    if (tree !== undefined) commits.set(id, { tree });
    if (kind === "tree") trees.set(id, filesOfTree(body));
    const tagged = kind === "tag" ? /^object ([0-9a-f]{40})\n/.exec(body.toString("latin1", 0, 48))?.[1] : undefined;
    if (tagged !== undefined) tags.set(id, tagged);
  }
  return { commits, trees, tags };
}

function* looseIds(git: string): Generator<string> {
  const objects = path.join(git, "objects");
  for (const folder of namesIn(objects)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of namesIn(path.join(objects, folder))) if (/^[0-9a-f]{38}$/.test(name)) yield folder + name;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, "latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw systemFailure("list git's objects", error, directory);
  }
}
