import { constants } from "node:fs";
import { bytesOfText, joinPath, type ByteString } from "../../core/model/byte-string.js";
import { NO_XATTRS, type DirectoryEntry, type Xattr } from "../../core/model/entry.js";
import type { DirectoryNode, OtherNode, TreeNode } from "../../core/model/tree.js";
import type { Turns } from "../../core/turns.js";
import { AT_FDCWD, duplicateDescriptor, O_CLOEXEC, openAt } from "../../linux/open-at.js";
import type { RawDirectory, RawNode } from "../erofs/raw-layer.js";
import { DirectoryOpener } from "./directory-opener.js";
import { NodeWriter, setDirectoryMetadata } from "./node-writer.js";
import type { Representation } from "./representation.js";

const ROOT = "" as ByteString;
/** overlayfs's own mark, in the form that it reads where it was mounted with `userxattr`. */
const OPAQUE: Xattr = { name: "user.overlay.opaque" as ByteString, value: Buffer.from("y") };
/** Its form of a deletion, which the kernel lets anybody make. */
const WHITEOUT: OtherNode = {
  entry: {
    type: "character",
    major: 0,
    minor: 0,
    mode: 0,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    xattrs: NO_XATTRS,
  },
  links: undefined,
};

/**
 * Writes a layer into an empty directory, so that overlayfs takes it as a lower one in a user namespace. Devices, which nobody may make there, are
 * left out, and counted.
 *
 * @throws VarveError UNSUPPORTED, DISK_FULL, LAYER_CORRUPT.
 */
export function* unpackLayer(layer: RawDirectory, directory: string, representation: Representation): Turns<void> {
  const opener = new DirectoryOpener(
    openAt(AT_FDCWD, bytesOfText(directory), constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC),
  );
  const sources = new DirectoryOpener(duplicateDescriptor(opener.root));
  try {
    const writer = new NodeWriter(opener, sources);
    const root = new UnpackedDirectory(layer, ROOT, representation);
    for (const [name, node] of root.children()) yield* writer.write(node, name, ROOT, name);
    setDirectoryMetadata(opener.root, root);
  } finally {
    sources.close();
    opener.close();
  }
}

/** A layer's directory as it is written. */
class UnpackedDirectory implements DirectoryNode {
  readonly entry: DirectoryEntry;
  readonly digest = undefined;
  readonly #layer: RawDirectory;
  readonly #path: ByteString;
  readonly #representation: Representation;

  constructor(layer: RawDirectory, path: ByteString, representation: Representation) {
    const entry = representation.represented(layer.entry, path);
    this.entry = layer.opaque ? { ...entry, xattrs: [...entry.xattrs, OPAQUE].sort(byName) } : entry;
    this.#layer = layer;
    this.#path = path;
    this.#representation = representation;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, raw] of this.#layer.children()) {
      const node = this.#nodeOf(raw, joinPath(this.#path, name));
      if (node !== undefined) yield [name, node];
    }
  }

  child(): TreeNode | undefined {
    throw new RangeError("not used when a tree is written");
  }

  #nodeOf(raw: RawNode, path: ByteString): TreeNode | undefined {
    if (raw === "deleted") return WHITEOUT;
    if ("opaque" in raw) return new UnpackedDirectory(raw, path, this.#representation);
    if ("content" in raw) {
      return { entry: this.#representation.represented(raw.entry, path), content: raw.content, links: raw.links };
    }
    const { entry, links } = raw;
    if (entry.type === "character" || entry.type === "block") {
      this.#representation.devices += 1;
      return undefined;
    }
    return { entry: this.#representation.represented(entry, path), links };
  }
}

function byName(a: Xattr, b: Xattr): number {
  return a.name < b.name ? -1 : 1;
}
