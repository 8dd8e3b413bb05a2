import type { ByteString } from "../model/byte-string.js";
import { type ChangeReason, isEcho } from "../model/change.js";
import { changeReasons, readToCompare } from "../model/compare-entries.js";
import type { Entry } from "../model/entry.js";
import type { ContentDigest, TreeId } from "../model/ids.js";
import type { LayerProgress } from "../model/layer-progress.js";
import { DirectoryDigester, linkGroupDigest, treeId, type ChildContent } from "../model/tree-digest.js";
import type { DirectoryNode, FileContent, FileNode, OtherNode, StoredContent, Tree, TreeNode } from "../model/tree.js";
import type { InodeHandle, LayerWriter, PlaceBelow } from "../ports/layer-store.js";
import { nodeAt } from "../model/paths.js";
import { readAgain } from "../trees/read-again.js";
import { isDirectory, walkTreePair, type NodePair, type PairEvent } from "../trees/walk-tree-pair.js";
import { inTurns, type Turns } from "../turns.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** What a layer changes, counted by path as `compareTrees` lists it, renames as an addition and a deletion. */
export interface LayerSummary {
  readonly tree: TreeId;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** Sockets that the layer holds: names that nobody answers at. */
  readonly sockets: number;
}

/**
 * Writes the difference between two trees into a layer: the one way in which layers come to be, for imports, commits and rollbacks alike.
 *
 * A hardlink group lives wholly in one layer: when one of its names changes, comparing finds all of them changed.
 *
 * A live file that changes while it is read is read again, see `readAgain`; one that vanishes counts as not there.
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
    try {
      const pending = inTurns(layer.take(event));
      if (pending !== undefined) await pending;
    } catch (error) {
      await readAgain(event, error, (pair) => inTurns(layer.take({ ...pair, kind: event.kind })));
    }
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
  #sockets = 0;

  constructor(writer: LayerWriter, base: Tree, root: DirectoryNode) {
    this.#writer = writer;
    this.#base = base;
    this.#root = root;
    this.#rootHandle = writer.root(root.entry);
  }

  summary(): LayerSummary {
    if (this.#tree === undefined) throw new TypeError("summary() before the walk came back to the root");
    return { tree: this.#tree, ...this.#counts, sockets: this.#sockets };
  }

  /** @throws VarveError SOURCE_CHANGED; then nothing is done yet, and it may be called again with what stands there now. */
  *take(event: PairEvent): Turns<void> {
    if (event.kind === "leave") return this.#leave();
    yield* readToCompare(event.before, event.after) ?? [];
    if (event.kind === "enter") yield* this.#enter(event);
    else yield* this.#node(event);
  }

  *#enter(pair: NodePair): Turns<void> {
    const compared = compare(pair);
    const { after } = pair;
    if (isDirectory(after)) this.#countChild(compared);
    else yield* this.#leaf(compared);
    const digester = isDirectory(after) ? new DirectoryDigester() : undefined;
    const handle = pair.path === "" ? this.#rootHandle : undefined;
    this.#open.push({ ...compared, digester, handle, touched: false });
    if (digester !== undefined && isChanged(compared)) this.#reach();
  }

  #leave(): void {
    const directory = this.#open.pop();
    if (directory === undefined) return;
    const { pair, reasons, digester, handle, touched } = directory;
    if (pair.before !== undefined && isDirectory(pair.after) && !isEcho(reasons, touched)) this.#countModified(reasons);
    if (digester === undefined || !isDirectory(pair.after)) return;
    const below = digester.digest();
    if (handle !== undefined) this.#writer.setDirectoryDigest(handle, below);
    if (pair.path === "") this.#tree = treeId(this.#root.entry, below);
    else this.#record(pair.name, pair.after.entry, { below });
  }

  /** A pair without a walk below it. */
  *#node(pair: NodePair): Turns<void> {
    const compared = compare(pair);
    if (pair.path !== "") return yield* this.#leaf(compared);
    // Both trees hold the same below their roots, so the base's digest is known.
    const below = isDirectory(pair.before) ? pair.before.digest : undefined;
    if (below === undefined) throw new TypeError("node() of a root without a digest");
    this.#countModified(compared.reasons);
    this.#writer.setDirectoryDigest(this.#rootHandle, below);
    this.#tree = treeId(this.#root.entry, below);
  }

  *#leaf(compared: Compared): Turns<void> {
    const { before, after, name } = compared.pair;
    if (before === undefined && after === undefined) return;
    const content = yield* this.#readContent(compared);
    this.#countChild(compared);
    const inTarget = this.#open.at(-1)?.digester !== undefined;
    if (after === undefined) {
      if (inTarget) this.#writer.whiteout(this.#reach(), name);
      return;
    }
    if (before !== undefined) this.#countModified(compared.reasons);
    if (isDirectory(after)) return this.#directoryWithEqualContents(compared, after);
    if (isChanged(compared)) this.#emit(compared.pair, after, content.stored);
    const group = this.#group(after);
    this.#record(name, group?.entry ?? after.entry, { content: group?.content ?? content.digest, group: group?.digest });
  }

  /** Comes before all that changes the layer, since a live file can fail here. */
  *#readContent({ pair, reasons }: Compared): Turns<ReadContent> {
    const { before, after } = pair;
    if (after === undefined || !("content" in after)) return {};
    if (!isChanged({ pair, reasons })) return { digest: knownContent(before, after) };
    if (this.#group(after)?.handle !== undefined) return {};
    const stored = yield* this.#storeContent(pair, reasons, after);
    return { stored, digest: stored.digest };
  }

  /** Its metadata may differ, what stands below does not: the layers below supply it. */
  #directoryWithEqualContents(compared: Compared, after: DirectoryNode): void {
    const { name, before } = compared.pair;
    const below = after.digest ?? (isDirectory(before) ? before.digest : undefined);
    if (isChanged(compared)) {
      const handle = this.#writer.directory(this.#reach(), name, after.entry);
      if (below !== undefined) this.#writer.setDirectoryDigest(handle, below);
    }
    this.#record(name, after.entry, { below });
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

  #emit({ name }: NodePair, after: FileNode | OtherNode, stored: StoredContent | undefined): void {
    const parent = this.#reach();
    const group = this.#group(after);
    if (group?.handle !== undefined) return this.#writer.link(parent, name, group.handle);
    const handle =
      stored !== undefined && "content" in after
        ? this.#writer.file(parent, name, after.entry, stored)
        : this.#writer.other(parent, name, after.entry as OtherNode["entry"]);
    if (after.entry.type === "socket") this.#sockets += 1;
    if (group !== undefined) Object.assign(group, { handle, entry: after.entry, content: stored?.digest });
  }

  *#storeContent({ before }: NodePair, reasons: readonly ChangeReason[], { content, links }: FileNode): Turns<StoredContent> {
    const former = before !== undefined && "content" in before && !reasons.includes("content") ? before : undefined;
    const known = content.stored ?? former?.content.stored;
    const below = links === undefined ? (): PlaceBelow | undefined => this.#placeBelow(former, known) : undefined;
    const old = before !== undefined && "content" in before ? before.content.stored : undefined;
    const likely = below && ((digest: ContentDigest): PlaceBelow | undefined => this.#likelyPlace(content, digest));
    const stored = known === undefined ? yield* this.#writer.store(content, old, likely) : this.#writer.borrow(known, below);
    this.bytes += stored.size;
    return stored;
  }

  #likelyPlace(content: FileContent, digest: ContentDigest): PlaceBelow | undefined {
    const path = content.likelyAt?.().find((each) => this.#baseHolds(each, content.size, digest));
    return path === undefined ? undefined : { redirect: path };
  }

  /** Whether the base has a file there that overlayfs can find by that path alone. */
  #baseHolds(path: ByteString, size: number, digest: ContentDigest): boolean {
    const node = nodeAt(this.#base, path);
    if (node === undefined || !("content" in node) || node.links !== undefined) return false;
    return node.content.size === size && node.content.knownDigest === digest;
  }

  /** @param former What the base has at the same path, when it has the same content. */
  #placeBelow(former: FileNode | undefined, known: StoredContent | undefined): PlaceBelow | undefined {
    if (former !== undefined && former.links === undefined) return {};
    // The content may come from another tree than the base.
    if (known?.path === undefined || !this.#baseHolds(known.path, known.size, known.digest)) return undefined;
    return { redirect: known.path };
  }

  #group(node: FileNode | OtherNode): EmittedGroup | undefined {
    const { links } = node;
    if (links === undefined) return undefined;
    let group = this.#groups.get(links.key);
    if (group === undefined) {
      group = { digest: linkGroupDigest(links), handle: undefined, entry: undefined, content: undefined };
      this.#groups.set(links.key, group);
    }
    return group;
  }

  #record(name: ByteString, entry: Entry, content: ChildContent): void {
    this.#open.at(-1)?.digester?.add(name, entry, content);
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
  /** What the layer has of the inode: a live one may have changed since, when its other names are met. */
  entry: Entry | undefined;
  content: ContentDigest | undefined;
}

/** Of a file alone. */
interface ReadContent {
  /** For one that the layer shall hold and does not yet. */
  readonly stored?: StoredContent;
  readonly digest?: ContentDigest | undefined;
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
