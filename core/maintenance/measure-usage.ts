import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import type { UnpackedUsage, UsageMeter } from "../ports/usage-meter.js";
import { isHiddenRef } from "../revision/ref-names.js";
import { layerChain } from "../layers/layer-chain.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** All in bytes of disk, contents of 4096 bytes and more in whole blocks. */
export interface UsageBytes {
  /** What the layer images take. */
  readonly stored: number;
  /** Of a commit: what would be freed if it went. Of a layer: what no other layer points at. */
  readonly exclusive: number;
  /** `stored` less `exclusive`. */
  readonly shared: number;
  /** Contents of other layers that layers point at in place of a copy. */
  readonly borrowed: number;
  /** Contents in layers that the tree does not show: written once, then replaced or deleted. */
  readonly wasted: number;
}

export interface CommitUsage extends UsageBytes {
  readonly commit: CommitId;
  readonly refs: readonly RefName[];
  /** Layers of its history, and those that lend to them. */
  readonly layers: number;
  /** Share of the contents in its chain that its tree shows: 0 to 1; 1 without contents. */
  readonly efficiency: number;
}

export interface LayerUsage extends UsageBytes {
  readonly layer: LayerId;
  /** A commit that has it; `undefined` for a layer that only lends. */
  readonly commit: CommitId | undefined;
}

export interface Usage {
  readonly commits: readonly CommitUsage[];
  /** Those of the commits, each once, in the order in which they are met. */
  readonly layers: readonly LayerUsage[];
  readonly total: UsageBytes & { readonly efficiency: number };
  /** Of the whole store, whatever commits are asked for; in none of the other numbers. */
  readonly unpacked: UnpackedUsage;
  /** What is kept of images so that they go out with the digests that they came with; of the whole store, too. */
  readonly blobs: { readonly count: number; readonly bytes: number };
}

/** What a commit's history needs. */
interface Closure {
  readonly commit: CommitId;
  readonly chain: readonly LayerId[];
  readonly layers: ReadonlySet<LayerId>;
}

/**
 * What commits and their layers take. Reads metadata alone.
 * @param commits By default those of all branches and tags.
 */
export async function measureUsage(
  repository: Repository,
  meter: UsageMeter,
  commits: readonly CommitId[] | undefined,
): Promise<Usage> {
  const refs = (await repository.history.listRefs("refs/")).filter(({ name }) => !isHiddenRef(name));
  const asked = [...new Set(commits ?? refs.map(({ commit }) => commit))];
  const others = [...refs.map(({ commit }) => commit), ...repository.containers.list().map(({ record }) => record.base)];
  const owners = new Map<LayerId, CommitId>();
  const closures = new Map<CommitId, Closure>();
  for (const commit of [...asked, ...others]) {
    if (!closures.has(commit)) closures.set(commit, await closureOf(repository, meter, commit, owners));
  }
  const needed = new Map<LayerId, number>();
  for (const { layers } of closures.values()) for (const layer of layers) needed.set(layer, (needed.get(layer) ?? 0) + 1);

  const rows: CommitUsage[] = [];
  for (const commit of asked) {
    const names = refs.filter((ref) => ref.commit === commit).map(({ name }) => name);
    rows.push({ ...(await measureCommit(repository, meter, closures.get(commit) as Closure, needed)), refs: names });
  }
  const listed = new Set(asked.flatMap((commit) => [...(closures.get(commit)?.layers ?? [])]));
  const layers: LayerUsage[] = [];
  for (const layer of listed) layers.push(await measureLayer(repository, meter, layer, owners.get(layer)));
  const foreign = [...closures.values()].filter(({ commit }) => !asked.includes(commit));
  const elsewhere = new Set(foreign.flatMap((closure) => [...closure.layers]));
  return {
    commits: rows,
    layers,
    total: await totalOf(meter, layers, elsewhere),
    unpacked: meter.unpacked(),
    blobs: blobUsage(repository),
  };
}

function blobUsage({ blobs }: Repository): Usage["blobs"] {
  const list = blobs.list();
  return { count: list.length, bytes: list.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function closureOf(
  { history }: Repository,
  meter: UsageMeter,
  commit: CommitId,
  owners: Map<LayerId, CommitId>,
): Promise<Closure> {
  const layers = new Set<LayerId>();
  const seen = new Set<CommitId>([commit]);
  // Sets grow while they are walked.
  for (const id of seen) {
    const { layer, parents } = await history.readCommit(id);
    layers.add(layer);
    if (!owners.has(layer)) owners.set(layer, id);
    for (const parent of parents) seen.add(parent);
    if (isTurnDue()) await yieldToSignals();
  }
  for (const layer of layers) for (const lender of (await meter.readLayer(layer)).lenders) layers.add(lender);
  return { commit, chain: await layerChain(history, commit), layers };
}

async function measureCommit(
  repository: Repository,
  meter: UsageMeter,
  { commit, chain, layers }: Closure,
  needed: ReadonlyMap<LayerId, number>,
): Promise<Omit<CommitUsage, "refs">> {
  const { own, wasted } = await wasteOf(meter, chain);
  let [stored, exclusive, borrowed] = [0, 0, 0];
  for (const layer of layers) {
    const bytes = repository.layers.storedBytes(layer);
    const contents = await meter.readLayer(layer);
    stored += bytes;
    if (needed.get(layer) === 1) exclusive += bytes;
    borrowed += contents.borrowedBytes;
  }
  const efficiency = efficiencyOf(wasted, own);
  return { commit, layers: layers.size, stored, exclusive, shared: stored - exclusive, borrowed, wasted, efficiency };
}

/** Bytes of the contents that a chain of layers holds, and of those among them that its tree does not show. */
export async function wasteOf(
  meter: UsageMeter,
  chain: readonly LayerId[],
): Promise<{ readonly own: number; readonly wasted: number }> {
  const shown = await meter.readTree(chain);
  let [own, wasted] = [0, 0];
  for (const layer of new Set(chain)) {
    const { ownBytes } = await meter.readLayer(layer);
    own += ownBytes;
    wasted += ownBytes - (shown.get(layer) ?? 0);
  }
  return { own, wasted };
}

async function measureLayer(
  { layers }: Repository,
  meter: UsageMeter,
  layer: LayerId,
  commit: CommitId | undefined,
): Promise<LayerUsage> {
  const stored = layers.storedBytes(layer);
  const { ownBytes, borrowedBytes } = await meter.readLayer(layer);
  const shared = Math.min(stored, meter.lentBytes(layer));
  const wasted = ownBytes - meter.shownBytes(layer);
  return { layer, commit, stored, exclusive: stored - shared, shared, borrowed: borrowedBytes, wasted };
}

/** @param elsewhere Layers that something else than the asked commits needs. */
async function totalOf(
  meter: UsageMeter,
  layers: readonly LayerUsage[],
  elsewhere: ReadonlySet<LayerId>,
): Promise<Usage["total"]> {
  const sum = (key: keyof UsageBytes): number => layers.reduce((total, row) => total + row[key], 0);
  const [stored, borrowed, wasted] = [sum("stored"), sum("borrowed"), sum("wasted")];
  const shared = layers.reduce((total, row) => total + (elsewhere.has(row.layer) ? row.stored : 0), 0);
  let own = 0;
  for (const { layer } of layers) own += (await meter.readLayer(layer)).ownBytes;
  return { stored, exclusive: stored - shared, shared, borrowed, wasted, efficiency: efficiencyOf(wasted, own) };
}

function efficiencyOf(wasted: number, own: number): number {
  return own === 0 ? 1 : 1 - wasted / own;
}
