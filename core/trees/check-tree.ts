import { VarveError } from "../errors.js";
import { textOf, type ByteString } from "../model/byte-string.js";
import type { LayerId, TreeId } from "../model/ids.js";
import { DirectoryDigester, linkGroupDigest, treeId } from "../model/tree-digest.js";
import type { DirectoryDigest } from "../model/ids.js";
import type { DirectoryNode, LinkGroup } from "../model/tree.js";
import type { ChainTrees } from "../ports/store-checks.js";
import { isDirectory } from "./walk-tree-pair.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/**
 * Whether a chain of layers adds up to a tree. Directories that the newest layer does not hold are those of the layers below, which
 * are checked with the commits that they were written for: so a history is checked in proportion to what it changed.
 *
 * @param chain Newest first.
 * @param quick Only compares the digest that the newest layer tells of its root.
 * @throws VarveError STORE_DAMAGED.
 */
export async function addsUpTo(trees: ChainTrees, chain: readonly LayerId[], tree: TreeId, quick: boolean): Promise<boolean> {
  const { root: whole } = await trees.open(chain);
  if (quick) return whole.digest === undefined || treeId(whole.entry, whole.digest) === tree;
  const digests = new TreeDigests();
  const { root: held } = await trees.open(chain.slice(0, 1));
  const pending: [held: DirectoryNode, whole: DirectoryNode][] = [[held, whole]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [ours, all] = pair;
    const told = all === whole ? undefined : all.digest;
    if (told !== undefined && told !== (await digests.of(all))) return false;
    for (const [name, child] of ours.children()) {
      if (!isDirectory(child)) continue;
      const below = all.child(name);
      if (!isDirectory(below)) return false;
      pending.push([child, below]);
    }
  }
  return treeId(whole.entry, await digests.of(whole)) === tree;
}

/** Recomputes digests of directories from what their children tell. */
class TreeDigests {
  readonly #groups = new Map<string, string>();

  async of(directory: DirectoryNode): Promise<DirectoryDigest> {
    const digester = new DirectoryDigester();
    for (const [name, node] of directory.children()) {
      if (isTurnDue()) await yieldToSignals();
      if (isDirectory(node)) digester.add(name, node.entry, { below: node.digest ?? (await this.#below(node)) });
      else if ("content" in node && node.content.stored === undefined) throw contentMissing(name);
      else
        digester.add(name, node.entry, {
          ...("content" in node && { content: node.content.digest() }),
          group: this.#group(node.links),
        });
    }
    return digester.digest();
  }

  /** Awaits first, so that a deep tree does not fill the stack. */
  async #below(directory: DirectoryNode): Promise<DirectoryDigest> {
    await Promise.resolve();
    return this.of(directory);
  }

  #group(links: LinkGroup | undefined): string | undefined {
    if (links === undefined) return undefined;
    let digest = this.#groups.get(links.key);
    if (digest === undefined) this.#groups.set(links.key, (digest = linkGroupDigest(links)));
    return digest;
  }
}

/** A layer may hold a file without its content, which a layer below has. */
function contentMissing(name: ByteString): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read "${textOf(name)}": its content stands in a layer below, which lacks it`);
}
