import { createHash } from "node:crypto";
import type { ContentDigest } from "../../../core/model/ids.js";
import type {
  ContentReader,
  DirectoryNode,
  Extent,
  FileContent,
  FileNode,
  StoredContent,
  Tree,
  TreeNode,
} from "../../../core/model/tree.js";
import type { ContentSink, LayerWriter } from "../../../core/ports/layer-store.js";

interface Held {
  readonly parts: Buffer[];
  readonly extents: Extent[];
}

/** The part of a layer writer that an import uses, with contents kept in memory so that they can be read back at once. */
export class MemoryLayerWriter {
  readonly #held = new Map<StoredContent, Held>();

  asWriter(): LayerWriter {
    return { sink: () => this.#sink() } as unknown as LayerWriter;
  }

  /** How many contents were taken in. */
  get count(): number {
    return this.#held.size;
  }

  bytes(stored: StoredContent | undefined): Buffer {
    return Buffer.concat(this.#of(stored).parts);
  }

  extents(stored: StoredContent | undefined): readonly Extent[] {
    return this.#of(stored).extents;
  }

  content(digest: ContentDigest, size: number): FileContent | undefined {
    const stored = [...this.#held.keys()].find((each) => each.digest === digest && each.size === size);
    return stored && this.#readable(stored);
  }

  /** The imported tree with contents that can be opened. */
  readable(tree: Tree): Tree {
    return { root: this.#node(tree.root) as DirectoryNode, close: () => tree.close() };
  }

  #of(stored: StoredContent | undefined): Held {
    const held = stored === undefined ? undefined : this.#held.get(stored);
    if (held === undefined) throw new RangeError("content of another writer");
    return held;
  }

  #sink(): ContentSink {
    const hash = createHash("sha256");
    const held: Held = { parts: [], extents: [] };
    let size = 0;
    const add = (bytes: Buffer, kind: Extent["kind"]): void => {
      hash.update(bytes);
      held.parts.push(bytes);
      const last = held.extents.at(-1);
      if (last?.kind === kind) held.extents[held.extents.length - 1] = { ...last, length: last.length + bytes.length };
      else held.extents.push({ offset: size, length: bytes.length, kind });
      size += bytes.length;
    };
    return {
      // A copy: the bytes are the reader's again after the call.
      write: (bytes) => add(Buffer.from(Buffer.from(bytes)), "data"),
      hole: (length) => add(Buffer.alloc(length), "hole"),
      close: () => {
        const stored: StoredContent = { digest: hash.digest("hex") as ContentDigest, size, layers: [] };
        this.#held.set(stored, held);
        return stored;
      },
    };
  }

  #node(node: TreeNode): TreeNode {
    if ("children" in node) return this.#directory(node);
    return "content" in node ? this.#file(node) : node;
  }

  #directory(node: DirectoryNode): DirectoryNode {
    const child = (name: Parameters<DirectoryNode["child"]>[0]): TreeNode | undefined => {
      const found = node.child(name);
      return found && this.#node(found);
    };
    const children = (): ReturnType<DirectoryNode["children"]> =>
      [...node.children()].map(([name, each]) => [name, this.#node(each)] as const);
    return { entry: node.entry, digest: node.digest, child, children };
  }

  #file({ entry, links, content }: FileNode): FileNode {
    return { entry, links, content: this.#readable(content.stored!) };
  }

  #readable(stored: StoredContent): FileContent {
    const bytes = this.bytes(stored);
    const extents = this.extents(stored);
    return {
      size: stored.size,
      digest: () => stored.digest,
      knownDigest: stored.digest,
      stored,
      extents: () => extents,
      open: () => memoryReader(bytes),
    };
  }
}

function memoryReader(bytes: Buffer): ContentReader {
  return {
    read: (buffer, position) => bytes.subarray(position).copy(buffer),
    verify: () => undefined,
    close: () => undefined,
  };
}
