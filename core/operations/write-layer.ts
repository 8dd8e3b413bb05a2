import type { ByteString } from "../model/byte-string.js";
import { type ChangeReason, isEcho } from "../model/change.js";
import { changeReasons } from "../model/compare-entries.js";
import type { ContentDigest, TreeId } from "../model/ids.js";
import { DirectoryDigester, linkGroupDigest, treeId, type ChildContent } from "../model/tree-digest.js";
import type { DirectoryNode, FileNode, OtherNode, StoredContent, Tree, TreeNode } from "../model/tree.js";
import type { InodeHandle, LayerWriter, PlaceBelow } from "../ports/layer-store.js";
import { nodeAt } from "../model/paths.js";
import { isDirectory, walkTreePair, type NodePair } from "./walk-tree-pair.js";
import { isTurnDue, yieldToSignals } from "./yield-to-signals.js";

/** What a layer changes, counted by path as `compareTrees` lists it, renames as an addition and a deletion. */
export interface LayerSummary {
  readonly tree: TreeId;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

export interface LayerProgress {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Writes the difference between two trees into a layer: the one way in which layers come to be, for imports, commits and rollbacks alike.
 *
 * A hardlink group lives wholly in one layer: when one of its names changes, comparing finds all of them changed.
 *
 * @param writer Fresh; published or aborted by the caller.
 * @param base What the layers below add up to.
 * @param target What the layer and those below shall add up to.
 */
export async function writeLayer(
  writer: LayerWriter,
  base: Tree,
  target: Tree,
  observe?: (progress: LayerProgress) => void,
): Promise<LayerSummary> {
  const layer = new LayerAssembly(writer, base, target.root);
  for (const event of walkTreePair(base, target)) {
    if (event.kind === "enter") layer.enter(event);
    else if (event.kind === "leave") layer.leave();
    else layer.node(event);
    if (!isTurnDue()) continue;
    observe?.(layer);
    await yieldToSignals();
  }
  observe?.(layer);
  return layer.summary();
}

/** A directory that the walk stands in. */
interface OpenDirectory extends Compared {
  /** Absent where the target has no directory: then all below is deleted, which one whiteout further up has told. */
  readonly digester: DirectoryDigester | undefined;
  /** Absent until something in it makes the layer hold it. */
  handle: InodeHandle | undefined;
  /** Whether a change of a child was counted. */
  touched: boolean;
}

interface Compared {
  readonly pair: NodePair;
  /** Empty also for a path that only one tree has. */
  readonly reasons: readonly ChangeReason[];
}

class LayerAssembly implements LayerProgress {
  entries = 0;
  bytes = 0;
  readonly #writer: LayerWriter;
  readonly #base: Tree;
  readonly #open: OpenDirectory[] = [];
  readonly #groups = new Map<string, EmittedGroup>();
  readonly #counts = { added: 0, modified: 0, deleted: 0 };
  readonly #root: DirectoryNode;
  readonly #rootHandle: InodeHandle;
  #tree: TreeId | undefined;

  constructor(writer: LayerWriter, base: Tree, root: DirectoryNode) {
    this.#writer = writer;
    this.#base = base;
    this.#root = root;
    this.#rootHandle = writer.root(root.entry);
  }

  summary(): LayerSummary {
    if (this.#tree === undefined) throw new TypeError("summary() before the walk came back to the root");
    return { tree: this.#tree, ...this.#counts };
  }

  enter(pair: NodePair): void {
    const compared = compare(pair);
    const { after } = pair;
    if (isDirectory(after)) this.#countChild(compared);
    else this.#leaf(compared);
    const digester = isDirectory(after) ? new DirectoryDigester() : undefined;
    const handle = pair.path === "" ? this.#rootHandle : undefined;
    this.#open.push({ ...compared, digester, handle, touched: false });
    if (digester !== undefined && isChanged(compared)) this.#reach();
  }

  leave(): void {
    const directory = this.#open.pop();
    if (directory === undefined) return;
    const { pair, reasons, digester, handle, touched } = directory;
    if (pair.before !== undefined && isDirectory(pair.after) && !isEcho(reasons, touched)) this.#countModified(reasons);
    if (digester === undefined || !isDirectory(pair.after)) return;
    const below = digester.digest();
    if (handle !== undefined) this.#writer.setDirectoryDigest(handle, below);
    if (pair.path === "") this.#tree = treeId(this.#root.entry, below);
    else this.#record(pair.name, pair.after, { below });
  }

  /** A pair without a walk below it. */
  node(pair: NodePair): void {
    const compared = compare(pair);
    if (pair.path !== "") return this.#leaf(compared);
    // Both trees hold the same below their roots, so the base's digest is known.
    const below = isDirectory(pair.before) ? pair.before.digest : undefined;
    if (below === undefined) throw new TypeError("node() of a root without a digest");
    this.#countModified(compared.reasons);
    this.#writer.setDirectoryDigest(this.#rootHandle, below);
    this.#tree = treeId(this.#root.entry, below);
  }

  #leaf(compared: Compared): void {
    this.#countChild(compared);
    const { before, after, name } = compared.pair;
    const inTarget = this.#open.at(-1)?.digester !== undefined;
    if (after === undefined) {
      if (inTarget) this.#writer.whiteout(this.#reach(), name);
      return;
    }
    if (before !== undefined) this.#countModified(compared.reasons);
    if (isDirectory(after)) return this.#directoryWithEqualContents(compared, after);
    const content = isChanged(compared) ? this.#emit(compared, after) : knownContent(before, after);
    this.#record(name, after, { content, group: this.#group(after)?.digest });
  }

  /** Its metadata may differ, what stands below does not: the layers below supply it. */
  #directoryWithEqualContents(compared: Compared, after: DirectoryNode): void {
    const { name, before } = compared.pair;
    const below = after.digest ?? (isDirectory(before) ? before.digest : undefined);
    if (isChanged(compared)) {
      const handle = this.#writer.directory(this.#reach(), name, after.entry);
      if (below !== undefined) this.#writer.setDirectoryDigest(handle, below);
    }
    this.#record(name, after, { below });
  }

  /** Makes the layer hold the directory that the walk stands in, and so all above it. */
  #reach(): InodeHandle {
    let parent = this.#rootHandle;
    for (const directory of this.#open) {
      const { name, after } = directory.pair;
      if (directory.handle === undefined && isDirectory(after)) {
        directory.handle = this.#writer.directory(parent, name, after.entry);
      }
      parent = directory.handle ?? parent;
    }
    return parent;
  }

  #emit({ pair, reasons }: Compared, after: FileNode | OtherNode): ContentDigest | undefined {
    const parent = this.#reach();
    const group = this.#group(after);
    if (group?.handle !== undefined) {
      this.#writer.link(parent, pair.name, group.handle);
      return group.content;
    }
    const { handle, digest } =
      "content" in after ? this.#emitFile(parent, pair, reasons, after) : this.#emitOther(parent, pair, after);
    if (group !== undefined) Object.assign(group, { handle, content: digest });
    return digest;
  }

  #emitFile(
    parent: InodeHandle,
    { name, before }: NodePair,
    reasons: readonly ChangeReason[],
    { entry, content, links }: FileNode,
  ): Emitted {
    const former = before !== undefined && "content" in before && !reasons.includes("content") ? before : undefined;
    const known = content.stored ?? former?.content.stored;
    const below = links === undefined ? (): PlaceBelow | undefined => this.#placeBelow(former, known) : undefined;
    const stored = known === undefined ? this.#writer.store(content) : this.#writer.borrow(known, below);
    this.bytes += stored.size;
    return { handle: this.#writer.file(parent, name, entry, stored), digest: stored.digest };
  }

  /** @param former What the base has at the same path, when it has the same content. */
  #placeBelow(former: FileNode | undefined, known: StoredContent | undefined): PlaceBelow | undefined {
    if (former !== undefined && former.links === undefined) return {};
    // The content may come from another tree than the base.
    const redirect = known?.path;
    const node = redirect === undefined ? undefined : nodeAt(this.#base, redirect);
    if (node === undefined || !("content" in node) || node.links !== undefined) return undefined;
    return node.content.size === known?.size && node.content.knownDigest === known.digest ? { redirect } : undefined;
  }

  #emitOther(parent: InodeHandle, { name }: NodePair, { entry }: OtherNode): Emitted {
    return { handle: this.#writer.other(parent, name, entry), digest: undefined };
  }

  #group(node: FileNode | OtherNode): EmittedGroup | undefined {
    const { links } = node;
    if (links === undefined) return undefined;
    let group = this.#groups.get(links.key);
    if (group === undefined) {
      group = { digest: linkGroupDigest(links), handle: undefined, content: undefined };
      this.#groups.set(links.key, group);
    }
    return group;
  }

  #record(name: ByteString, node: TreeNode, content: ChildContent): void {
    this.#open.at(-1)?.digester?.add(name, node.entry, content);
  }

  #countChild({ pair, reasons }: Compared): void {
    this.entries += 1;
    if (pair.before === undefined) this.#counts.added += 1;
    if (pair.after === undefined) this.#counts.deleted += 1;
    const parent = this.#open.at(-1);
    if (parent !== undefined && isChanged({ pair, reasons })) parent.touched = true;
  }

  #countModified(reasons: readonly ChangeReason[]): void {
    if (reasons.length > 0) this.#counts.modified += 1;
  }
}

interface EmittedGroup {
  readonly digest: string;
  /** Absent while no name of the group is in the layer. */
  handle: InodeHandle | undefined;
  content: ContentDigest | undefined;
}

interface Emitted {
  readonly handle: InodeHandle;
  readonly digest: ContentDigest | undefined;
}

function compare(pair: NodePair): Compared {
  const { before, after } = pair;
  return { pair, reasons: before === undefined || after === undefined ? [] : changeReasons(before, after) };
}

function isChanged({ pair, reasons }: Compared): boolean {
  return reasons.length > 0 || pair.before === undefined || pair.after === undefined;
}

function knownContent(before: TreeNode | undefined, after: FileNode | OtherNode): ContentDigest | undefined {
  if (!("content" in after)) return undefined;
  const former = before !== undefined && "content" in before ? before.content.knownDigest : undefined;
  return after.content.knownDigest ?? former ?? after.content.digest();
}
