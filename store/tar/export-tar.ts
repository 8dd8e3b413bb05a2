import { VarveError } from "../../core/errors.js";
import { type ByteString, joinPath } from "../../core/model/byte-string.js";
import { treePathText } from "../../core/model/paths.js";
import type {
  ContentReader,
  DirectoryNode,
  Extent,
  FileContent,
  FileNode,
  OtherNode,
  Tree,
  TreeNode,
} from "../../core/model/tree.js";
import type { ExportedTar } from "../../core/ports/archives.js";
import { encodeHeaders, type HeaderDetails } from "./encode-header.js";
import { BLOCK } from "./limits.js";
import { encodePaxRecord } from "./pax-records.js";
import { TarOutput } from "./tar-output.js";

export interface ExportOptions {
  /** False: holes become zeros, which every reader understands. By default files with holes are written as GNU.sparse 1.0. */
  readonly sparse?: boolean;
  /** The root itself, `./`, is left out. */
  readonly withoutRoot?: boolean;
}

/**
 * Writes a tree as a PAX tar, in the order of a walk (depth first, names in byte order), the root as `./`. The bytes follow
 * from the tree alone.
 *
 * The first path of a hardlink group has the body, the others are links to it. Sockets can't be held: they are left out and told.
 *
 * @param write Gets chunks of about 256 KiB, the next one when its promise is fulfilled.
 * @throws VarveError SOURCE_CHANGED, SOURCE_UNREADABLE, INTERRUPTED, and whatever `write` throws.
 */
export async function exportTar(
  tree: Tree,
  write: (chunk: Uint8Array) => Promise<void> | void,
  options: ExportOptions = {},
): Promise<ExportedTar> {
  return new TarExport(new TarOutput(write), options).run(tree.root);
}

interface OpenDirectory {
  readonly path: ByteString;
  readonly children: Iterator<readonly [ByteString, TreeNode]>;
}

class TarExport {
  readonly #output: TarOutput;
  readonly #isSparse: boolean;
  readonly #hasRoot: boolean;
  readonly #skipped: string[] = [];
  /** First path of each hardlink group met. */
  readonly #leaders = new Map<string, ByteString>();

  constructor(output: TarOutput, { sparse = true, withoutRoot = false }: ExportOptions) {
    this.#output = output;
    this.#isSparse = sparse;
    this.#hasRoot = !withoutRoot;
  }

  async run(root: DirectoryNode): Promise<ExportedTar> {
    if (this.#hasRoot) await this.#headers(root, { path: "./" as ByteString, bodySize: 0 });
    const stack: OpenDirectory[] = [{ path: "" as ByteString, children: root.children()[Symbol.iterator]() }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.children.next();
      if (next.done === true) {
        stack.pop();
        continue;
      }
      const [name, node] = next.value;
      const path = joinPath(top.path, name);
      // Only a full chunk is waited for, so that most entries cost no promise.
      const pending = this.#entry(path, node);
      if (pending !== undefined) await pending;
      if ("children" in node) stack.push({ path, children: node.children()[Symbol.iterator]() });
    }
    await this.#output.end();
    return { skipped: this.#skipped };
  }

  #entry(path: ByteString, node: TreeNode): Promise<void> | undefined {
    if ("children" in node) return this.#headers(node, { path: `${path}/` as ByteString, bodySize: 0 });
    if (node.entry.type === "socket") {
      this.#skipped.push(treePathText(path));
      return undefined;
    }
    const hardlinkTo = this.#leaderOf(path, node);
    if (hardlinkTo !== undefined) return this.#headers(node, { path, hardlinkTo, bodySize: 0 });
    return "content" in node ? this.#file(path, node) : this.#headers(node, { path, bodySize: 0 });
  }

  #leaderOf(path: ByteString, { links }: FileNode | OtherNode): ByteString | undefined {
    if (links === undefined) return undefined;
    const leader = this.#leaders.get(links.key);
    if (leader === undefined) this.#leaders.set(links.key, path);
    return leader;
  }

  #headers({ entry }: TreeNode, details: HeaderDetails): Promise<void> | undefined {
    const parts = encodeHeaders(entry, details);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (!this.#output.hasRoom(length)) return this.#putAll(parts);
    for (const part of parts) this.#output.putNow(part);
    return undefined;
  }

  async #putAll(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) await this.#output.put(part);
  }

  #file(path: ByteString, node: FileNode): Promise<void> | undefined {
    const { size } = node.entry;
    if (this.#isSparse) {
      const extents = [...node.content.extents()];
      if (extents.some(({ kind }) => kind === "hole")) return this.#sparseFile(path, node, extents);
    }
    const pending = this.#headers(node, { path, bodySize: size });
    if (size === 0) return pending;
    return pending === undefined ? this.#body(path, node.content) : pending.then(() => this.#body(path, node.content));
  }

  #body(path: ByteString, content: FileContent): Promise<void> | undefined {
    const padded = content.size + padding(content.size);
    if (!this.#output.hasRoom(padded)) return this.#longBody(path, content, content.extents());
    const reader = content.open();
    try {
      const target = this.#output.free.subarray(0, padded);
      readFully(reader, target.subarray(0, content.size), 0, path);
      reader.verify();
      target.fill(0, content.size);
      this.#output.advance(padded);
    } finally {
      reader.close();
    }
    return undefined;
  }

  /** @param extents What to write: holes become zeros. */
  async #longBody(path: ByteString, content: FileContent, extents: Iterable<Extent>): Promise<void> {
    const reader = content.open();
    let written = 0;
    try {
      for (const { offset, length, kind } of extents) {
        written += length;
        if (kind === "hole") await this.#output.zeros(length);
        else await this.#copy(reader, offset, length, path);
      }
      reader.verify();
    } finally {
      reader.close();
    }
    await this.#output.zeros(padding(written));
  }

  async #copy(reader: ContentReader, offset: number, length: number, path: ByteString): Promise<void> {
    for (let at = 0; at < length;) {
      if (this.#output.isFull) await this.#output.flush();
      const { free } = this.#output;
      const part = free.subarray(0, Math.min(free.length, length - at));
      readFully(reader, part, offset + at, path);
      this.#output.advance(part.length);
      at += part.length;
    }
  }

  /** GNU.sparse 1.0: the body begins with the map, in decimal lines and whole blocks, and has the data alone. */
  async #sparseFile(path: ByteString, node: FileNode, extents: readonly Extent[]): Promise<void> {
    const data = extents.filter(({ kind }) => kind === "data");
    const { size } = node.entry;
    // An empty last piece tells where the file ends.
    const pieces = [...data.map(({ offset, length }) => `${offset}\n${length}\n`), `${size}\n0\n`];
    const map = Buffer.from(`${pieces.length}\n${pieces.join("")}`);
    const dataBytes = data.reduce((sum, { length }) => sum + length, 0);
    const extra = [
      encodePaxRecord("GNU.sparse.major", "1"),
      encodePaxRecord("GNU.sparse.minor", "0"),
      encodePaxRecord("GNU.sparse.name", path),
      encodePaxRecord("GNU.sparse.realsize", String(size)),
    ];
    await this.#headers(node, { path, bodySize: map.length + padding(map.length) + dataBytes, extra });
    await this.#output.put(map);
    await this.#output.zeros(padding(map.length));
    await this.#longBody(path, node.content, data);
  }
}

/** @throws VarveError SOURCE_CHANGED when the content ends before its size. */
function readFully(reader: ContentReader, target: Uint8Array, position: number, path: ByteString): void {
  for (let at = 0; at < target.length;) {
    const count = reader.read(target.subarray(at), position + at);
    if (count === 0) {
      const text = treePathText(path);
      throw new VarveError("SOURCE_CHANGED", `Cannot read "${text}": it became shorter while it was read`, { path: text });
    }
    at += count;
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
