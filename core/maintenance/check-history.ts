import { isOutOfResources, VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { LayerStore } from "../ports/layer-store.js";
import type { OperationLog } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import type { WorkInProgress } from "../ports/work-in-progress.js";
import type { ChainTrees, ContainerReading, StoreChecks } from "../ports/store-checks.js";
import { addsUpTo } from "../trees/check-tree.js";
import { CommitGraph } from "./commit-graph.js";
import { commitsOf } from "./reachable-layers.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** What a finding about the whole log is called. */
export const OPERATION_LOG = "operations/log";

/** Which part of a store is damaged. `notice` is no damage. */
export type FindingPart = "layer" | "commit" | "ref" | "operation" | "container" | "blob" | "cache" | "notice";

/** Something that is not as it should be, before it is known what it touches. */
export interface PartFault {
  readonly part: FindingPart;
  /** An id, a ref's name, or a path below the store. */
  readonly name: string;
  readonly state: string;
  /** Commits that can't be used because of it; those that stand on them are found later. */
  readonly commits: readonly CommitId[];
}

export interface CheckedHistory {
  readonly graph: CommitGraph;
  readonly tips: readonly { readonly name: RefName; readonly commit: CommitId }[];
  readonly containers: readonly ContainerReading[];
  readonly faults: readonly PartFault[];
  /** Commits that the cache tells otherwise than git. */
  readonly wronglyCached: readonly CommitId[];
}

/** Reads all that refs, containers and operations lead to, from git, and compares the cache with it. */
export async function checkHistory(
  { layers, operations, containers: kept, inProgress }: Repository,
  checks: StoreChecks,
): Promise<CheckedHistory> {
  const reading = new HistoryReading(checks, layers);
  const head = await checks.headFault();
  if (head !== undefined) reading.fault("ref", "HEAD", head);
  const tips: { name: RefName; commit: CommitId }[] = [];
  for (const { name, commit, failure } of await checks.refs()) {
    if (failure !== undefined) reading.fault("ref", name, failure.message);
    if (commit === undefined) continue;
    tips.push({ name, commit });
    await reading.follow(commit);
    if (!reading.graph.has(commit)) reading.fault("ref", name, `leads to commit "${commit}", which can't be read`);
  }
  const containers = checks.containers();
  for (const container of containers) {
    await reading.container(container);
    const fault = container.record && kept.fault(container.id);
    if (fault !== undefined) reading.fault("container", container.id, fault);
  }
  await reading.operations(operations);
  await reading.workInProgress(inProgress);
  const { graph, faults, wronglyCached } = reading;
  return { graph, tips, containers, faults, wronglyCached };
}

class HistoryReading {
  readonly graph = new CommitGraph();
  readonly faults: PartFault[] = [];
  readonly wronglyCached: CommitId[] = [];
  readonly #unreadable = new Set<CommitId>();
  readonly #checks: StoreChecks;
  readonly #layers: LayerStore;

  constructor(checks: StoreChecks, layers: LayerStore) {
    this.#checks = checks;
    this.#layers = layers;
  }

  fault(part: FindingPart, name: string, state: string, commits: readonly CommitId[] = []): void {
    this.faults.push({ part, name, state, commits });
  }

  /** @param quiet For commits that may rightly be gone. */
  async follow(tip: CommitId, quiet = false): Promise<void> {
    const pending = [tip];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (this.graph.has(id) || this.#unreadable.has(id)) continue;
      if (isTurnDue()) await yieldToSignals();
      const commit = await this.#read(id, quiet);
      if (commit === undefined) continue;
      this.graph.add(commit);
      pending.push(...commit.parents);
    }
  }

  async container({ id, record, fault }: ContainerReading): Promise<void> {
    if (record === undefined) return this.fault("container", id, fault ?? "its record can't be read");
    await this.follow(record.base);
    if (!this.graph.has(record.base))
      this.fault("container", id, `"${record.name}" stands on commit "${record.base}", which can't be read`);
    const chain = this.graph.chain(record.base);
    const differs =
      chain !== undefined && (chain.length !== record.layers.length || chain.some((layer, at) => layer !== record.layers[at]));
    if (differs) this.fault("container", id, `"${record.name}" lists other layers than those of its commit`, []);
  }

  async operations(log: OperationLog): Promise<void> {
    const horizon = this.#checks.horizon()?.getTime() ?? -Infinity;
    try {
      for await (const operation of log.list()) {
        const mayBeGone = Date.parse(operation.time) <= horizon;
        for (const commit of new Set(commitsOf(operation))) {
          await this.follow(commit, mayBeGone);
          if (mayBeGone || this.graph.has(commit)) continue;
          this.fault("operation", operation.id, `names commit "${commit}", which can't be read`);
        }
      }
    } catch (error) {
      this.fault("operation", OPERATION_LOG, damageOf(error));
    }
  }

  async workInProgress(work: WorkInProgress): Promise<void> {
    try {
      for (const { slot, progress } of work.list()) {
        for (const commit of progress.commits) {
          await this.follow(commit);
          if (this.graph.has(commit)) continue;
          this.fault("operation", `progress/${slot}.json`, `needs commit "${commit}", which can't be read`);
        }
      }
    } catch (error) {
      this.fault("operation", "progress", damageOf(error));
    }
  }

  async #read(id: CommitId, quiet: boolean): Promise<Commit | undefined> {
    try {
      const commit = await this.#checks.readCommit(id);
      // Git may keep in a pack what was collected.
      if (quiet && !this.#layers.has(commit.layer)) return undefined;
      if (await this.#checks.isCachedWrong(commit)) this.wronglyCached.push(id);
      return commit;
    } catch (error) {
      const state = damageOf(error);
      if (!quiet) {
        this.#unreadable.add(id);
        this.fault("commit", id, state, [id]);
      }
      return undefined;
    }
  }
}

/** Whether the layers of each commit add up to its tree. Commits with a layer that is damaged or missing are passed over. */
export async function checkTrees(
  trees: ChainTrees,
  graph: CommitGraph,
  options: { readonly quick: boolean; readonly without: ReadonlySet<CommitId> },
): Promise<readonly PartFault[]> {
  const faults: PartFault[] = [];
  // Those that were found last are the oldest.
  for (const id of [...graph.ids()].reverse()) {
    if (isTurnDue()) await yieldToSignals();
    const chain = options.without.has(id) ? undefined : graph.chain(id);
    const tree = graph.get(id)?.tree;
    if (chain === undefined || tree === undefined) continue;
    const state = await treeState(() => addsUpTo(trees, chain, tree, options.quick));
    if (state !== undefined) faults.push({ part: "commit", name: id, state, commits: [id] });
  }
  return faults;
}

async function treeState(check: () => Promise<boolean>): Promise<string | undefined> {
  try {
    return (await check()) ? undefined : "its layers add up to another tree than it names";
  } catch (error) {
    return damageOf(error);
  }
}

/** @throws what tells of no damage, but of this process. */
function damageOf(error: unknown): string {
  if (error instanceof VarveError && ["STORE_DAMAGED", "LAYER_CORRUPT"].includes(error.code)) return error.message;
  if (error instanceof VarveError && error.code === "IO" && !isOutOfResources(error)) return error.message;
  throw error;
}
