import { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { FilteredTree, Tree } from "../model/tree.js";
import type { ContainerRecord, Containers, ContainerStatus } from "../ports/containers.js";
import type { History, RefMove } from "../ports/history.js";
import type { Operation } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import type { Worktree } from "../ports/worktree.js";
import { layerChain } from "../layers/layer-chain.js";
import { earlierRecord, stateBefore, type EarlierState } from "./earlier-state.js";
import { findOperation } from "./find-operation.js";
import { openCommitTree, unfiltered } from "./targets.js";

/**
 * A repository as it was right after an operation, to be looked at: refs, HEAD, containers, and the trees that operations changed since. A tree that
 * none of them changed is as it is now.
 *
 * @param word See findOperation.
 * @throws VarveError OPERATION_UNKNOWN. Later, USAGE by whatever would change something.
 */
export async function repositoryAtOperation(repository: Repository, word: string): Promise<Repository> {
  const { found, newer } = await findOperation(repository.operations, word);
  const earlier = stateBefore(newer.map(({ operation }) => operation));
  const view = historyAt(repository.history, earlier, found?.operation);
  const { worktree } = repository;
  return {
    ...repository,
    history: view,
    containers: await containersAt(repository, earlier),
    worktree: worktree && worktreeAt(repository, worktree, earlier),
    operations: { ...repository.operations, append: refuse, begin: refuse },
    inProgress: {
      read: (slot) => (earlier.progress.has(slot) ? earlier.progress.get(slot) : repository.inProgress.read(slot)),
      write: () => refuseNow(),
      list: () => repository.inProgress.list(),
    },
    exclusively: refuse,
  };
}

function refuseNow(): never {
  throw new VarveError("USAGE", "Cannot change the store: --at-op shows it as it was, wanted a command that only reads", {
    hint: "To put all back as it was then: varve op restore ID",
  });
}

async function refuse(): Promise<never> {
  return refuseNow();
}

function historyAt(history: History, { refs, head, upstreams }: EarlierState, operation: Operation | undefined): History {
  const readRef = async (name: RefName): Promise<CommitId | undefined> => {
    const known = refs.get(name);
    return known === undefined ? history.readRef(name) : known.commit;
  };
  const headNow = async (): Promise<RefName> => head ?? history.head();
  return {
    readCommit: (id) => history.readCommit(id),
    ...(history.knownChain && { knownChain: (commit) => history.knownChain?.(commit) }),
    ...(history.rememberChain && { rememberChain: (...parts) => history.rememberChain?.(...parts) }),
    findCommits: (prefix, limit) => history.findCommits(prefix, limit),
    readRef,
    readTag: async (name) => {
      const known = refs.get(name);
      if (known === undefined) return history.readTag(name);
      return known.tag === undefined ? undefined : history.readTagObject(known.tag);
    },
    readTagObject: (id) => history.readTagObject(id),
    listRefs: async (prefix) => {
      const names = new Set((await history.listRefs(prefix)).map(({ name }) => name));
      for (const name of refs.keys()) if (name.startsWith(prefix)) names.add(name);
      const found = [];
      for (const name of [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
        const commit = await readRef(name);
        if (commit !== undefined) found.push({ name, commit });
      }
      return found;
    },
    refLog: async (name) => {
      const commit = await readRef(name === "HEAD" ? await headNow() : name);
      return movesUpTo(await history.refLog(name), commit, operation);
    },
    head: headNow,
    upstream: async (branch) => (upstreams.has(branch) ? upstreams.get(branch) : history.upstream(branch)),
    author: () => history.author(),
    writeCommit: refuse,
    writeTag: refuse,
    updateRefs: refuse,
    setHead: refuse,
    setUpstream: refuse,
  };
}

/** From the last move that led where the ref stood then. */
function movesUpTo(log: readonly RefMove[], commit: CommitId | undefined, operation: Operation | undefined): readonly RefMove[] {
  const latest = operation === undefined ? -Infinity : Math.floor(Date.parse(operation.time) / 1000);
  const at = log.findIndex(({ after, who }) => after === commit && who.seconds <= latest);
  return at === -1 ? log.filter(({ who }) => who.seconds <= latest) : log.slice(at);
}

/** Containers that were removed since stand again, those that were made since are not there yet. */
async function containersAt({ containers, history }: Repository, earlier: EarlierState): Promise<Containers> {
  const bases = new Map<string, { readonly base: CommitId; readonly layers: readonly LayerId[] }>();
  const statuses = new Map(containers.list().map((status) => [status.record.id, status]));
  for (const [id, { target, commit, container }] of earlier.trees) {
    if (target.kind !== "container") continue;
    if (commit === undefined) {
      statuses.delete(id);
      continue;
    }
    bases.set(id, { base: commit, layers: await layerChain(history, commit) });
    const record = statuses.get(id)?.record ?? (container as unknown as ContainerRecord | undefined);
    if (record === undefined) continue;
    statuses.set(id, { record: { ...record, ...bases.get(id) }, state: "stopped", pid: undefined });
  }
  for (const [id, status] of statuses) statuses.set(id, { ...status, record: earlierRecord(id, status.record, earlier) });
  const list = [...statuses.values()].sort((a, b) => (a.record.created < b.record.created ? -1 : 1));
  return {
    ...REFUSING,
    list: () => list,
    find: (nameOrId) => findAmong(list, nameOrId),
    isFresh: (record) => bases.has(record.id) || containers.isFresh(record),
    fault: (id) => containers.fault(id),
    mountedPlaces: (record) => (bases.has(record.id) ? [] : containers.mountedPlaces(record)),
    openRoot: () => undefined,
    openTree: async (record, base) => (bases.has(record.id) ? base : containers.openTree(record, base)),
  };
}

const REFUSING = {
  create: refuseNow,
  rebase: refuseNow,
  update: refuseNow,
  setLimits: refuseNow,
  remove: refuseNow,
  removeVolumes: refuseNow,
  run: refuse,
  start: refuse,
  wait: refuse,
  kill: refuseNow,
  log: refuseNow,
  attach: refuse,
  exec: refuse,
  leaveEnded: refuseNow,
  clearLost: refuseNow,
  restarts: refuseNow,
  noteRestarts: refuseNow,
  stop: refuse,
  pause: refuse,
  unpause: refuse,
  processes: refuseNow,
  usage: refuseNow,
  whilePaused: refuse,
} as const;

function findAmong(list: readonly ContainerStatus[], nameOrId: string): ContainerStatus {
  const exact = list.find(({ record: { name, id } }) => name === nameOrId || id === nameOrId);
  const byPrefix = nameOrId === "" ? [] : list.filter(({ record: { id } }) => id.startsWith(nameOrId));
  const found = exact ?? (byPrefix.length === 1 ? byPrefix[0] : undefined);
  if (found !== undefined) return found;
  throw new VarveError("TARGET_UNKNOWN", `Cannot find container "${nameOrId}": there was none by that name or id then`, {
    hint: '"varve ps -a" with the same --at-op lists those that there were.',
  });
}

function worktreeAt(repository: Repository, worktree: Worktree, { trees }: EarlierState): Worktree {
  const earlier = trees.get("directory");
  return {
    path: worktree.path,
    openTree: async (head, headId, options): Promise<FilteredTree> => {
      if (earlier === undefined) return worktree.openTree(head, headId, options);
      return unfiltered(await openCommitTree(repository, earlier.commit));
    },
    remember: () => undefined,
    requireApplicable: (current: Tree, target: Tree) => worktree.requireApplicable(current, target),
    apply: refuse,
  };
}
