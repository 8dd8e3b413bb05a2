import type { Commit } from "../model/commit.js";
import type { CommitId, LayerId, TreeId } from "../model/ids.js";
import type { ImageRecord } from "../model/image.js";

/** What checks keep of a commit. */
export interface GraphCommit {
  readonly layer: LayerId;
  readonly tree: TreeId;
  readonly firstParent: CommitId | undefined;
  /** Without its entry of the history. */
  readonly image: Omit<ImageRecord, "history"> | undefined;
}

/** The commits of a store as far as they could be read. */
export class CommitGraph {
  readonly #commits = new Map<CommitId, GraphCommit>();
  readonly #children = new Map<CommitId, CommitId[]>();
  readonly #byLayer = new Map<LayerId, CommitId[]>();

  add({ id, layer, tree, parents, image }: Commit): void {
    const { history: _, ...named } = image ?? {};
    this.#commits.set(id, { layer, tree, firstParent: parents[0], image: image && named });
    if (parents[0] !== undefined) push(this.#children, parents[0], id);
    push(this.#byLayer, layer, id);
  }

  get size(): number {
    return this.#commits.size;
  }

  has(id: CommitId): boolean {
    return this.#commits.has(id);
  }

  get(id: CommitId): GraphCommit | undefined {
    return this.#commits.get(id);
  }

  ids(): Iterable<CommitId> {
    return this.#commits.keys();
  }

  layers(): Iterable<LayerId> {
    return this.#byLayer.keys();
  }

  /** Newest first. `undefined` when a commit on the way could not be read, or leads back to itself. */
  chain(id: CommitId): readonly LayerId[] | undefined {
    const chain: LayerId[] = [];
    for (let at: CommitId | undefined = id; at !== undefined;) {
      const commit = this.#commits.get(at);
      if (commit === undefined || chain.length > this.#commits.size) return undefined;
      chain.push(commit.layer);
      at = commit.firstParent;
    }
    return chain;
  }

  /** The commits whose trees need one of the layers. */
  needing(layers: readonly LayerId[]): ReadonlySet<CommitId> {
    return this.withDescendants(layers.flatMap((layer) => this.#byLayer.get(layer) ?? []));
  }

  /** The commits, and those that stand on them. */
  withDescendants(ids: Iterable<CommitId>): ReadonlySet<CommitId> {
    const found = new Set<CommitId>(ids);
    // A set grows while it is walked.
    for (const id of found) for (const child of this.#children.get(id) ?? []) found.add(child);
    return found;
  }
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
