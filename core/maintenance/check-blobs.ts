import { contentsOfCommit } from "../layers/commit-contents.js";
import { VarveError } from "../errors.js";
import type { CommitId } from "../model/ids.js";
import type { BlobDigest, BlobRecord } from "../model/image.js";
import type { KeptBlob } from "../ports/blobs.js";
import type { Repository } from "../ports/repository.js";
import type { VerifyProgress } from "../ports/store-checks.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import type { CommitGraph } from "./commit-graph.js";

export interface BlobFault {
  /** Below the store's directory. */
  readonly path: string;
  readonly state: string;
  /** Commits of images that go out with other digests because of it. */
  readonly commits: readonly CommitId[];
  /** Whether the store is to have it. */
  readonly needed: boolean;
  /** Absent for one that is missing. */
  readonly blob: KeptBlob | undefined;
}

export interface CheckBlobsOptions {
  /** Compares sizes alone. */
  readonly quick: boolean;
  /** Commits whose contents are damaged: what is put together of those is no fault of a record. */
  readonly without: ReadonlySet<CommitId>;
  readonly observe: (progress: VerifyProgress) => void;
}

/**
 * Compares what the store keeps of images with what names it: blobs with their digests, records of tars with the DiffIDs that they give together with the
 * layers' contents. What is there is never changed, so that it is read without the store's lock; what a collection removes meanwhile is no fault.
 */
export async function checkBlobs(
  repository: Repository,
  graph: CommitGraph,
  options: CheckBlobsOptions,
): Promise<readonly BlobFault[]> {
  const named = namedBy(graph);
  const list = repository.blobs.list();
  const missing = missingDocuments(list, named);
  const reading = new BlobReading(repository, list, options);
  const faults: BlobFault[] = [];
  for (const blob of list) {
    if (isTurnDue()) await yieldToSignals();
    const users = named.get(blob.digest) ?? [];
    const state = await reading.state(blob, users);
    if (state !== undefined && isStillThere(repository, blob))
      faults.push({
        path: blob.path,
        state,
        commits: users.map(({ commit }) => commit),
        needed: users.some(({ needs }) => needs),
        blob,
      });
  }
  return [...faults, ...missing];
}

interface User {
  readonly commit: CommitId;
  /** Absent for a layer's tar. */
  readonly record: BlobRecord | undefined;
  /** Whether the store is to have it: layers as they were transferred are kept or not. */
  readonly needs: boolean;
}

function namedBy(graph: CommitGraph): ReadonlyMap<BlobDigest, readonly User[]> {
  const found = new Map<BlobDigest, User[]>();
  const add = (digest: BlobDigest, user: User): void => {
    found.set(digest, [...(found.get(digest) ?? []), user]);
  };
  for (const commit of graph.ids()) {
    const { diffId, blob, config, manifest } = graph.get(commit)?.image ?? {};
    if (diffId !== undefined) add(diffId, { commit, record: undefined, needs: false });
    if (blob !== undefined) add(blob.digest, { commit, record: blob, needs: false });
    for (const record of [config, manifest]) if (record !== undefined) add(record.digest, { commit, record, needs: true });
  }
  return found;
}

function missingDocuments(list: readonly KeptBlob[], named: ReadonlyMap<BlobDigest, readonly User[]>): readonly BlobFault[] {
  const there = new Set(list.filter(({ kind }) => kind === "blob").map(({ digest }) => digest));
  return [...named].flatMap(([digest, users]) => {
    const needing = users.filter(({ needs }) => needs);
    if (needing.length === 0 || there.has(digest)) return [];
    return [{ path: digest, state: "is missing", commits: needing.map(({ commit }) => commit), needed: true, blob: undefined }];
  });
}

class BlobReading {
  readonly #repository: Repository;
  readonly #options: CheckBlobsOptions;
  readonly #ofBytes: number;
  #bytes = 0;

  constructor(repository: Repository, list: readonly KeptBlob[], options: CheckBlobsOptions) {
    this.#repository = repository;
    this.#options = options;
    this.#ofBytes = list.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async state(blob: KeptBlob, users: readonly User[]): Promise<string | undefined> {
    try {
      if (blob.kind === "blob") await this.#readBlob(blob, users);
      else if (blob.kind === "tar" && !this.#options.quick) await this.#readTar(blob, users);
      this.#bytes += blob.bytes;
      this.#options.observe({ bytes: this.#bytes, ofBytes: this.#ofBytes });
      return undefined;
    } catch (error) {
      if (error instanceof VarveError && ["STORE_DAMAGED", "LAYER_CORRUPT"].includes(error.code)) return stateOf(error);
      throw error;
    }
  }

  async #readBlob({ digest }: KeptBlob, users: readonly User[]): Promise<void> {
    const { blobs } = this.#repository;
    if (!this.#options.quick) for await (const _ of blobs.open(digest)) if (isTurnDue()) await yieldToSignals();
    const size = blobs.size(digest);
    const wanted = users.find(({ record }) => record !== undefined && record.size !== size)?.record?.size;
    if (wanted !== undefined)
      throw new VarveError("STORE_DAMAGED", `Cannot read a blob of an image: it has ${size} bytes, expected ${wanted}`);
  }

  /** Without a commit that has the layer nobody can ask for it. */
  async #readTar({ digest }: KeptBlob, users: readonly User[]): Promise<void> {
    const user = users.find(({ commit, record }) => record === undefined && !this.#options.without.has(commit));
    if (user === undefined) return;
    const contents = await contentsOfCommit(this.#repository, user.commit);
    try {
      for await (const _ of this.#repository.blobs.tar(digest, contents.find)) if (isTurnDue()) await yieldToSignals();
    } finally {
      contents.close();
    }
  }
}

/** What follows the path. */
function stateOf({ message }: VarveError): string {
  return message.replace(/^Cannot [^:]*: (?:its file )?/, "");
}

function isStillThere({ blobs }: Repository, { kind, digest }: KeptBlob): boolean {
  return blobs.list().some((each) => each.kind === kind && each.digest === digest);
}
