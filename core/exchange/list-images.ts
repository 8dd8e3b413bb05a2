import type { Commit } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import { IMAGES, shortName } from "../revision/ref-names.js";

export interface NamedImage {
  /** `debian:12` */
  readonly reference: string;
  readonly commit: Commit;
  /** Bytes that the layers of its first parents take, each layer once. Layers that several images share are counted for each. */
  readonly storedBytes: number;
}

/** All image references, in byte order. */
export async function listImages({ history }: Repository): Promise<readonly NamedImage[]> {
  const known = new Map<CommitId, number>();
  const bytesOf = async (tip: CommitId): Promise<number> => {
    const way: Commit[] = [];
    for (let at: CommitId | undefined = tip; at !== undefined && !known.has(at);) {
      const commit: Commit = await history.readCommit(at);
      way.push(commit);
      at = commit.parents[0];
    }
    for (const { id, parents, storedBytes } of way.reverse())
      known.set(id, storedBytes + (parents[0] === undefined ? 0 : (known.get(parents[0]) ?? 0)));
    return known.get(tip) ?? 0;
  };
  const images: NamedImage[] = [];
  for (const { name, commit } of await history.listRefs(IMAGES))
    images.push({ reference: shortName(name), commit: await history.readCommit(commit), storedBytes: await bytesOf(commit) });
  return images;
}
