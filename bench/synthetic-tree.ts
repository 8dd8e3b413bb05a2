import { createHash } from "node:crypto";
import type { ByteString } from "../core/model/byte-string.js";
import { NO_XATTRS, type DirectoryEntry, type FileEntry, type Metadata } from "../core/model/entry.js";
import type { ContentDigest } from "../core/model/ids.js";
import type { ContentReader, DirectoryNode, Extent, FileContent, FileNode, Tree, TreeNode } from "../core/model/tree.js";

const FILES_PER_DIRECTORY = 50;
const DIRECTORIES_PER_DIRECTORY = 12;
const METADATA: Metadata = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1_577_836_800, mtimeNanoseconds: 0, xattrs: NO_XATTRS };
const DIRECTORY: DirectoryEntry = { type: "directory", ...METADATA, mode: 0o755 };

/**
 * A tree of many short files that stands nowhere: each node is made when it is asked for. Its directories are numbered, and shaped as
 * bench/make-tree.ts shapes them.
 *
 * @param changed Numbers of files that have another content.
 */
export function syntheticTree(files: number, changed: ReadonlySet<number>): Tree {
  const directories = Math.ceil(files / FILES_PER_DIRECTORY);
  const directory = (number: number): DirectoryNode => {
    const children = (): (readonly [ByteString, TreeNode])[] => {
      const nodes: [string, TreeNode][] = [];
      for (let file = number * FILES_PER_DIRECTORY; file < Math.min(files, (number + 1) * FILES_PER_DIRECTORY); file += 1) {
        nodes.push([`file-${file}.txt`, fileNode(`${file} ${changed.has(file) ? "changed" : "first"}\n`)]);
      }
      const first = number * DIRECTORIES_PER_DIRECTORY;
      for (let below = Math.max(1, first); below < Math.min(directories, first + DIRECTORIES_PER_DIRECTORY); below += 1) {
        nodes.push([`d${below % DIRECTORIES_PER_DIRECTORY}`, directory(below)]);
      }
      return nodes.sort(([a], [b]) => (a < b ? -1 : 1)) as [ByteString, TreeNode][];
    };
    const child = (name: ByteString): TreeNode | undefined => children().find(([other]) => other === name)?.[1];
    return { entry: DIRECTORY, digest: undefined, children, child };
  };
  return { root: directory(0), close: () => undefined };
}

function fileNode(text: string): FileNode {
  const bytes = Buffer.from(text);
  return {
    entry: { type: "file", ...METADATA, size: bytes.length } satisfies FileEntry,
    content: new TextContent(bytes),
    links: undefined,
  };
}

class TextContent implements FileContent {
  readonly stored = undefined;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  get knownDigest(): ContentDigest {
    return this.digest();
  }

  digest(): ContentDigest {
    return createHash("sha256").update(this.#bytes).digest("hex") as ContentDigest;
  }

  extents(): readonly Extent[] {
    return [{ offset: 0, length: this.#bytes.length, kind: "data" }];
  }

  open(): ContentReader {
    const read = (buffer: Uint8Array, position: number): number => this.#bytes.copy(buffer, 0, position);
    return { read, verify: () => undefined, close: () => undefined };
  }
}
