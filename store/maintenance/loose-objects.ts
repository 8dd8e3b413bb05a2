import { lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import { inflateSync } from "node:zlib";
import type { CommitId } from "../../core/model/ids.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import type { LooseCommits } from "../../core/ports/garbage.js";
import { LAYER_FILE } from "../git/commit-files.js";
import { readRegularFile } from "../git/object-files.js";
import { errnoOf, systemFailure } from "../system-failure.js";

/** Contents larger than this are none of ours. */
const LARGEST_OBJECT_BYTES = 64 * 2 ** 20;
const STAT_BLOCK_BYTES = 512;
const OBJECT_ID_BYTES = 20;

interface LooseCommit {
  readonly tree: string;
}

/** What a git tree says of its files: ids by name. */
type LooseTree = ReadonlyMap<string, string>;

/** Where a loose object stands. */
export function looseObject(git: string, id: string): string {
  return path.join(git, "objects", id.slice(0, 2), id.slice(2));
}

/**
 * The loose commits of varve's own form that are not kept, each with its tree and files as far as no other loose tree has them.
 * Objects in packs are left to `git gc`, and so is whatever git's own commands made.
 */
export async function findLooseCommits(git: string, kept: ReadonlySet<CommitId>): Promise<LooseCommits> {
  const { commits, trees } = await scan(git);
  const going = [...commits].filter(([id, { tree }]) => !kept.has(id as CommitId) && trees.get(tree)?.has(LAYER_FILE) === true);
  const goingIds = new Set(going.map(([id]) => id));
  const stayingTrees = new Set([...commits].flatMap(([id, { tree }]) => (goingIds.has(id) ? [] : [tree])));
  for (const files of trees.values()) for (const id of files.values()) if (trees.has(id)) stayingTrees.add(id);
  const goingTrees = new Set(going.map(([, { tree }]) => tree).filter((tree) => !stayingTrees.has(tree)));
  const stayingFiles = new Set([...trees].flatMap(([id, files]) => (goingTrees.has(id) ? [] : [...files.values()])));
  const files = new Set([...goingTrees].flatMap((tree) => [...(trees.get(tree)?.values() ?? [])]));
  const goingFiles = [...files].filter((id) => !stayingFiles.has(id) && diskBytes(git, id) !== undefined);
  const objects = [...goingIds, ...goingTrees, ...goingFiles];
  const bytes = objects.reduce((sum, id) => sum + (diskBytes(git, id) ?? 0), 0);
  return { commits: [...goingIds] as CommitId[], objects, bytes };
}

/** @returns `undefined` when it does not stand there. */
function diskBytes(git: string, id: string): number | undefined {
  const stat = lstatSync(looseObject(git, id), { throwIfNoEntry: false });
  return stat && stat.blocks * STAT_BLOCK_BYTES;
}

async function scan(git: string): Promise<{ commits: Map<string, LooseCommit>; trees: Map<string, LooseTree> }> {
  const commits = new Map<string, LooseCommit>();
  const trees = new Map<string, LooseTree>();
  for (const id of looseIds(git)) {
    if (isTurnDue()) await yieldToSignals();
    const bytes = readObject(looseObject(git, id));
    if (bytes === undefined) continue;
    const body = bytes.subarray(bytes.indexOf(0) + 1);
    const kind = bytes.toString("latin1", 0, bytes.indexOf(0x20));
    const tree = kind === "commit" ? /^tree ([0-9a-f]{40})\n/.exec(body.toString("latin1", 0, 46))?.[1] : undefined;
    if (tree !== undefined) commits.set(id, { tree });
    if (kind === "tree") trees.set(id, filesOf(body));
  }
  return { commits, trees };
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

/** @returns `undefined` for what git may have packed meanwhile, and for what is damaged: `fsck` tells of it. */
function readObject(file: string): Buffer | undefined {
  try {
    return inflateSync(readRegularFile(file), { maxOutputLength: LARGEST_OBJECT_BYTES });
  } catch {
    return undefined;
  }
}

/** `<mode> <name> NUL <20 bytes of id>`, again and again. */
function filesOf(body: Buffer): LooseTree {
  const files = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const name = body.indexOf(0x20, at) + 1;
    const end = body.indexOf(0, name);
    if (name === 0 || end === -1) break;
    at = end + 1 + OBJECT_ID_BYTES;
    files.set(body.toString("latin1", name, end), body.toString("hex", end + 1, at));
  }
  return files;
}
