import type { CommitId, LayerId } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import type { TreeMounts } from "../ports/tree-mounts.js";
import { layerChain } from "../layers/layer-chain.js";

export interface MountOptions {
  readonly commit: CommitId;
  /** Absolute; it must be there. */
  readonly directory: string;
  /** Given the commit's layers, newest first, before the kernel is: throws when they are not sound. */
  readonly verify?: ((layers: readonly LayerId[]) => Promise<void>) | undefined;
}

/**
 * Mounts a commit's tree on a directory. It stays there when the commit, and then its layers, are removed.
 * @throws VarveError what `verify` and `TreeMounts.mount` throw.
 */
export async function mountCommit(
  repository: Repository,
  mounts: TreeMounts,
  { commit, directory, verify }: MountOptions,
): Promise<void> {
  const chain = await layerChain(repository.history, commit);
  await verify?.(chain);
  mounts.mount(await repository.layers.images(chain), directory);
}
