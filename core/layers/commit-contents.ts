import { nodeAt } from "../model/paths.js";
import type { CommitId, ContentDigest, LayerId } from "../model/ids.js";
import type { FileContent, Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import { layerChain } from "./layer-chain.js";

export interface CommitContents {
  /** A content of a file of the commit's tree. */
  readonly find: (digest: ContentDigest) => FileContent | undefined;
  close(): void;
}

/** Contents of a commit's tree, by digest: those that its own layer changed come first, and all others are looked for when one is not among them. */
export async function contentsOfCommit(repository: Repository, id: CommitId): Promise<CommitContents> {
  return contentsOfChain(repository, await layerChain(repository.history, id));
}

/** The same for a commit that is not in place yet. @param chain Its layers, newest first; at least one. */
export async function contentsOfChain(repository: Repository, chain: readonly LayerId[]): Promise<CommitContents> {
  const [layer] = chain as readonly [LayerId, ...LayerId[]];
  await repository.layers.prepare(chain);
  const tree = repository.layers.openTree(chain);
  const known = new Map<ContentDigest, FileContent>();
  for (const { path, kind } of repository.layers.names?.(layer) ?? []) {
    const node = kind === "other" ? nodeAt(tree, path) : undefined;
    if (node !== undefined && "content" in node) known.set(node.content.digest(), node.content);
  }
  let isWhole = false;
  return {
    find: (digest) => {
      if (!known.has(digest) && !isWhole) {
        addAll(tree, known);
        isWhole = true;
      }
      return known.get(digest);
    },
    close: () => tree.close(),
  };
}

function addAll(tree: Tree, known: Map<ContentDigest, FileContent>): void {
  const pending = [tree.root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [, node] of next.children()) {
      if ("children" in node) pending.push(node);
      else if ("content" in node && !known.has(node.content.digest())) known.set(node.content.digest(), node.content);
    }
  }
}
