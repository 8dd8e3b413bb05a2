import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import { selectPlaces } from "../../paths/path-selection.js";
import type { Repository } from "../../ports/repository.js";
import { differsAt } from "../../trees/differs-at.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import type { FileVersions } from "./file-versions.js";
import { openCommitTree } from "../targets.js";

/** Of so many paths each is looked up in a layer; of more, the layer's names are gone through. */
const LOOKED_UP = 8;

type Paths = Set<ByteString>;

/**
 * Which commit last changed each path, or something below it: the newest one in which it is not what some parent had.
 *
 * @param place All paths are below it.
 */
export async function blamePaths(
  repository: Repository,
  versions: FileVersions,
  from: CommitId,
  place: ByteString,
  paths: Iterable<ByteString>,
): Promise<ReadonlyMap<ByteString, Commit>> {
  const found = new Map<ByteString, Commit>();
  /** Of each commit, the paths that are in it what they are in `from`. */
  const pending = new Map<CommitId, Paths>([[from, new Set(paths)]]);
  while (pending.size > 0) {
    if (isTurnDue()) await yieldToSignals();
    const commit = await newestOf(versions, pending.keys());
    const { id } = commit;
    const wanted = pending.get(id)!;
    pending.delete(id);
    const [first, ...others] = commit.parents;
    const changed = first === undefined ? wanted : await changedPaths(repository, commit, place, wanted);
    if (first !== undefined) passOn(pending, first, wanted, changed);
    for (const other of changed.size > 0 ? others : []) {
      const same = await equalPaths(repository, other, id, changed);
      for (const path of same) changed.delete(path);
      addAll(pending, other, same);
    }
    for (const path of changed) found.set(path, commit);
  }
  return found;
}

/** So that what two branches lead to is looked at once, as a rule; where clocks were wrong, twice. */
async function newestOf(versions: FileVersions, ids: Iterable<CommitId>): Promise<Commit> {
  let newest: Commit | undefined;
  for (const id of ids) {
    const commit = await versions.commit(id);
    if (newest === undefined || commit.committer.seconds > newest.committer.seconds) newest = commit;
  }
  return newest!;
}

/** To the first parent goes all that did not change. The set itself goes on where nothing did. */
function passOn(pending: Map<CommitId, Paths>, parent: CommitId, wanted: Paths, changed: Paths): void {
  for (const path of changed) wanted.delete(path);
  addAll(pending, parent, wanted);
}

function addAll(pending: Map<CommitId, Paths>, commit: CommitId, paths: Paths): void {
  const known = pending.get(commit);
  if (known === undefined && paths.size > 0) pending.set(commit, paths);
  else if (known !== undefined) for (const path of paths) known.add(path);
}

/** Those that are not what they are in the first parent. */
async function changedPaths(repository: Repository, commit: Commit, place: ByteString, wanted: Paths): Promise<Paths> {
  const { layers } = repository;
  const told = layers.changes?.(commit.layer, selectPlaces([place]));
  if (told === false) return new Set();
  if (wanted.size > LOOKED_UP) {
    const names = layers.names?.(commit.layer);
    if (names !== undefined) return namedIn(names, wanted);
  }
  const answers = [...wanted].map((path) => [path, layers.changes?.(commit.layer, selectPlaces([path]))] as const);
  const untold = answers.filter(([, answer]) => answer === undefined).map(([path]) => path);
  const changed = new Set(answers.filter(([, answer]) => answer === true).map(([path]) => path));
  if (untold.length === 0) return changed;
  const equal = await equalPaths(repository, commit.parents[0]!, commit.id, untold);
  for (const path of untold) if (!equal.has(path)) changed.add(path);
  return changed;
}

function namedIn(names: Iterable<{ readonly path: ByteString }>, wanted: Paths): Paths {
  const changed = new Set<ByteString>();
  for (const { path } of names) if (wanted.has(path)) changed.add(path);
  return changed;
}

async function equalPaths(
  repository: Repository,
  parent: CommitId,
  commit: CommitId,
  paths: Iterable<ByteString>,
): Promise<Paths> {
  const [before, after] = [await openCommitTree(repository, parent), await openCommitTree(repository, commit)];
  try {
    return new Set([...paths].filter((path) => !differsAt(before, after, path)));
  } finally {
    before.close();
    after.close();
  }
}
