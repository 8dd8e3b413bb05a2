import { VarveError } from "../errors.js";
import type { ImageConfig } from "../model/commit.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import { randomId } from "../model/random-id.js";
import type { ContainerRecord, Containers, ProcessResult, RunConfiguration } from "../ports/containers.js";
import type { LayerImageFile } from "../ports/layer-store.js";
import type { Repository } from "../ports/repository.js";
import { layerChain } from "../layers/layer-chain.js";
import { PASSING } from "../revision/ref-names.js";
import { unheard, yieldToSignals } from "../yield-to-signals.js";
import { requireLayers } from "./record-operation.js";
import { withSharedNetwork } from "./shared-network.js";

/** @param config The image config of the commit that it stands on. */
export type PassingConfiguration = (name: string, config: ImageConfig | undefined) => RunConfiguration;

export interface PassingOptions {
  /** What it stands on, found while the store is locked: a commit that no ref names is kept from then on, by the container. */
  readonly base: () => Promise<CommitId>;
  /** Before the container's id in its name: `bisect`, `try`. */
  readonly word: string;
  readonly configuration: PassingConfiguration;
  readonly verify?: ((layers: readonly LayerId[]) => Promise<void>) | undefined;
}

/**
 * Runs a process on a throw-away container, which has no branch and stands in no log; it is gone when `work` ends, or fails, or is interrupted.
 *
 * @param work Called when the process has ended, and was not interrupted.
 * @throws VarveError what `Containers.run` throws; INTERRUPTED when a signal came meanwhile, whatever the process made of it.
 */
export async function inPassingContainer<T>(
  repository: Repository,
  options: PassingOptions,
  work: (record: ContainerRecord, result: ProcessResult) => Promise<T>,
): Promise<T> {
  const { containers, layers } = repository;
  const record = await repository.exclusively(() => makePassing(repository, options));
  try {
    await options.verify?.(record.layers);
    const result = await runPassing(containers, record, await layers.images(record.layers));
    await yieldToSignals();
    return await work(record, result);
  } finally {
    await unheard(async () => {
      await containers.stop(record, 0);
      await repository.exclusively(async () => {
        containers.remove(record, true);
        containers.removeVolumes(record);
      });
    });
  }
}

/** An interruption leaves no container to look into. */
async function runPassing(
  containers: Containers,
  record: ContainerRecord,
  images: readonly LayerImageFile[],
): Promise<ProcessResult> {
  try {
    return await containers.run(record, images);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "INTERRUPTED") throw error;
    throw new VarveError("INTERRUPTED", "Cannot finish the process: it was interrupted and stopped", {
      hint: "What it wrote is gone with its throw-away container.",
    });
  }
}

async function makePassing(repository: Repository, { base, word, configuration }: PassingOptions): Promise<ContainerRecord> {
  const commit = await base();
  const id = randomId(6);
  const name = `${word}-${id}`;
  // A ref that is never made: commits and refs stay as they are.
  const branch = `${PASSING}${id}` as RefName;
  await requireLayers(repository, [{ name: branch, before: undefined, after: commit }]);
  const record: ContainerRecord = {
    id,
    name,
    branch,
    base: commit,
    layers: await layerChain(repository.history, commit),
    created: new Date().toISOString(),
    configuration: withSharedNetwork(
      repository.containers,
      configuration(name, (await repository.history.readCommit(commit)).config),
    ),
  };
  repository.containers.create(record, true);
  return record;
}
