import { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import { STORE_EVENT } from "../events/store-event.js";
import type { Repository } from "../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import type { LayerFault, StoreChecks, VerifyProgress } from "../ports/store-checks.js";
import { checkBlobs, type BlobFault } from "./check-blobs.js";
import { checkHistory, checkTrees, OPERATION_LOG, type CheckedHistory, type FindingPart } from "./check-history.js";
import { repairStore, type Damage, type Repairs } from "./repair-store.js";

export interface CheckOptions {
  /** Reads metadata alone. */
  readonly quick: boolean;
  readonly repair: boolean;
  readonly observe: (progress: VerifyProgress) => void;
}

export interface Finding {
  readonly part: FindingPart;
  /** An id, a ref's name, or a path below the store. */
  readonly name: string;
  readonly state: string;
  /** What is damaged within a layer; those without a path concern the image as a whole. */
  readonly faults: readonly LayerFault[];
  /** Commits whose trees it touches. */
  readonly commits: readonly CommitId[];
  readonly refs: readonly RefName[];
  /** Names of containers. */
  readonly containers: readonly string[];
  /** What was done, as a sentence without its end. */
  readonly repair: string | undefined;
  /** Whether it is damage no more. */
  readonly repaired: boolean;
}

export interface StoreCheck {
  readonly findings: readonly Finding[];
  readonly checked: { readonly layers: number; readonly commits: number; readonly containers: number; readonly content: boolean };
}

/**
 * Compares all that a store holds with what names it. Layers are read without the store's lock, since they never change; the rest while it is
 * held. A store that may not be written is checked without the lock.
 */
export async function checkStore(repository: Repository, checks: StoreChecks, options: CheckOptions): Promise<StoreCheck> {
  const ids = repository.layers.list();
  const read = await checks.verifyLayers(ids, !options.quick, options.observe);
  const locked = await withLock(repository, options.repair, async () => {
    const history = await checkHistory(repository, checks);
    // A collection may have removed some meanwhile.
    const layers = new Map([...read].filter(([id]) => repository.layers.has(id)));
    const borrowers = await findBorrowers(repository, checks);
    for (const id of missingLayers(repository, history, borrowers)) layers.set(id, [{ kind: "image", state: "is missing" }]);
    const damage: Damage = { layers, history, borrowers, caches: await checks.cacheFaults() };
    const treeFaults = await checkAllTrees(checks, damage, options.quick);
    const whole = { ...damage, history: { ...history, faults: [...history.faults, ...treeFaults] } };
    const repairs = options.repair ? await repairStore(repository, checks, damage) : undefined;
    if (options.repair) repository.events.note({ ...STORE_EVENT, action: "repair" });
    const checked = {
      layers: ids.length,
      commits: history.graph.size,
      containers: history.containers.length,
      content: !options.quick,
    };
    const without = new Set([...layers.keys()].flatMap((id) => [...commitsTouchedBy(damage, id)]));
    return { history, without, findings: describe(checks, whole, repairs), checked };
  });
  const { history, without, findings, checked } = locked;
  const faults = await checkBlobs(repository, history.graph, { quick: options.quick, without, observe: options.observe });
  if (options.repair && faults.length > 0) await repository.exclusively(async () => removeBlobs(repository, checks, faults));
  return { findings: [...faults.map((fault) => blobFinding(history, fault, options.repair)), ...findings], checked };
}

/** Without the record, or the copy, an image goes out with other digests: what it holds is in its layers. */
function removeBlobs({ blobs }: Repository, checks: StoreChecks, faults: readonly BlobFault[]): void {
  const there = new Set(blobs.list().map(({ path }) => path));
  for (const { blob } of faults) if (blob !== undefined && there.has(blob.path)) checks.removeBlob(blob);
}

function blobFinding(history: CheckedHistory, { path, state, commits, needed, blob }: BlobFault, repair: boolean): Finding {
  const again = "loading or pulling the image again puts it back";
  return {
    ...touched(history, new Set(commits)),
    part: "blob",
    name: path,
    state,
    faults: [],
    containers: [],
    repair: repair ? `${blob === undefined ? "" : "removed; "}${again}` : undefined,
    repaired: repair && !needed,
  };
}

async function withLock<T>(repository: Repository, needed: boolean, work: () => Promise<T>): Promise<T> {
  const progress = { began: false };
  try {
    return await repository.exclusively(async () => {
      progress.began = true;
      return work();
    });
  } catch (error) {
    if (needed || progress.began || !(error instanceof VarveError) || error.code !== "PERMISSION") throw error;
    return work();
  }
}

/** By lender: the layers whose files have blocks there. */
async function findBorrowers({ layers }: Repository, checks: StoreChecks): Promise<Damage["borrowers"]> {
  const borrowers = new Map<LayerId, LayerId[]>();
  for (const id of layers.list()) {
    if (isTurnDue()) await yieldToSignals();
    for (const lender of checks.lenders(id)) {
      const users = borrowers.get(lender);
      if (users === undefined) borrowers.set(lender, [id]);
      else users.push(id);
    }
  }
  return borrowers;
}

function missingLayers(
  { layers }: Repository,
  { graph, containers }: CheckedHistory,
  borrowers: Damage["borrowers"],
): readonly LayerId[] {
  const wanted = new Set([...graph.layers(), ...containers.flatMap(({ record }) => record?.layers ?? [])]);
  // What only garbage borrows from is missed by nobody.
  for (const [lender, users] of borrowers) if (users.some((id) => wanted.has(id))) wanted.add(lender);
  return [...wanted].filter((id) => !layers.has(id));
}

/** The layer, and those that have blocks there: a lender need not be of the chains that it lends to. */
function affected({ borrowers }: Damage, id: LayerId): readonly LayerId[] {
  return [id, ...(borrowers.get(id) ?? [])];
}

function commitsTouchedBy(damage: Damage, id: LayerId): ReadonlySet<CommitId> {
  return damage.history.graph.needing(affected(damage, id));
}

async function checkAllTrees(checks: StoreChecks, damage: Damage, quick: boolean): Promise<CheckedHistory["faults"]> {
  const { layers, history } = damage;
  const without = new Set([...layers.keys()].flatMap((id) => [...commitsTouchedBy(damage, id)]));
  const trees = checks.openTrees();
  try {
    return await checkTrees(trees, history.graph, { quick, without });
  } finally {
    trees.close();
  }
}

function describe(checks: StoreChecks, damage: Damage, repairs: Repairs | undefined): readonly Finding[] {
  const { layers, history, caches } = damage;
  const findings: Finding[] = [];
  for (const [id, faults] of layers) {
    const state = faults.find(({ path }) => path === undefined)?.state ?? "holds damaged contents";
    const touching = affected(damage, id);
    const users = history.containers
      .filter(({ record }) => record?.layers.some((layer) => touching.includes(layer)))
      .map(({ record, id: own }) => record?.name ?? own);
    const repair = repairs?.restored.get(id) ?? repairs?.quarantined.get(id);
    const repaired = repairs?.restored.has(id) === true;
    findings.push({
      ...touched(history, commitsTouchedBy(damage, id)),
      part: "layer",
      name: id,
      state,
      faults,
      containers: users,
      repair,
      repaired,
    });
  }
  const plain = { faults: [], containers: [], repair: undefined, repaired: false };
  for (const { part, name, state, commits } of history.faults) {
    const mended = name === OPERATION_LOG && repairs?.log !== undefined ? { repair: repairs.log, repaired: true } : {};
    findings.push({ ...plain, ...touched(history, history.graph.withDescendants(commits)), part, name, state, ...mended });
  }
  const rebuilt = { ...plain, commits: [], refs: [], repair: repairs && "removed; it is made again when it is needed" };
  for (const { path: name, state } of caches) {
    const repaired = repairs?.caches.has(name) === true;
    const repair =
      repairs && !repaired ? "stays, since a container runs, which may read it: stop all, then repair" : rebuilt.repair;
    findings.push({ ...rebuilt, part: "cache", name, state, repair, repaired });
  }
  for (const id of history.wronglyCached) {
    findings.push({
      ...rebuilt,
      part: "cache",
      name: id,
      state: "the commit cache tells it otherwise than git",
      repaired: repairs !== undefined,
    });
  }
  for (const name of checks.leftovers()) {
    findings.push({ ...plain, commits: [], refs: [], part: "notice", name, state: "is nothing of varve's" });
  }
  return findings;
}

function touched({ tips }: CheckedHistory, commits: ReadonlySet<CommitId>): Pick<Finding, "commits" | "refs"> {
  return { commits: [...commits], refs: tips.filter(({ commit }) => commits.has(commit)).map(({ name }) => name) };
}
