import { chmodSync, closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerProgress } from "../../core/model/layer-progress.js";
import { EMPTY_ROOT } from "../../core/model/entry.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, Tree } from "../../core/model/tree.js";
import { copiedNode } from "../../core/trees/copied-node.js";
import { systemFailure } from "../system-failure.js";
import { ImageWriter, type ImageLending } from "../erofs/image-writer.js";

const ROOT = "" as ByteString;
const NOTHING: Tree = {
  root: { entry: EMPTY_ROOT, digest: undefined, children: () => [], child: () => undefined },
  close: () => undefined,
};
const NOBODY_LENDS: ImageLending = {
  find: () => undefined,
  standing: () => undefined,
  isOfChain: () => false,
  isKept: () => false,
};

/**
 * Writes a tree as one EROFS image that points at no other: the form of a layer, for a tree above nothing. All of its contents stand in it, each once.
 *
 * @param file Not there; gone again when it fails.
 * @param scratch Gives a path for what the writer can't hold in memory.
 * @throws VarveError UNSUPPORTED, PERMISSION, DISK_FULL, INTERRUPTED; what reading the tree throws.
 */
export async function writeImage(
  tree: Tree,
  file: string,
  scratch: () => string,
  observe?: (progress: LayerProgress) => void,
): Promise<void> {
  const mode = modeOfNew(file);
  let isBegun = false;
  const writer = new ImageWriter({
    chain: [],
    scratch: () => {
      if (isBegun) return scratch();
      isBegun = true;
      return file;
    },
    blocksOf: () => 0,
    lending: NOBODY_LENDS,
    keep: (_, id) => ({ id, storedBytes: 0 }),
  });
  try {
    await writeLayer(writer, NOTHING, { root: withContents(tree.root), close: () => undefined }, observe);
    writer.publish();
    // A layer's is read-only.
    chmodSync(file, mode);
  } finally {
    writer.abort();
  }
}

/** As the process's umask has it. */
function modeOfNew(file: string): number {
  try {
    const descriptor = openSync(file, "wx", 0o666);
    const { mode } = fstatSync(descriptor);
    closeSync(descriptor);
    rmSync(file);
    return mode & 0o777;
  } catch (error) {
    throw systemFailure("make an EROFS image", error, file);
  }
}

/** What layers hold is read, not pointed at. */
function withContents(root: DirectoryNode): DirectoryNode {
  return copiedNode(root, { from: ROOT, to: ROOT, unstored: true }) as DirectoryNode;
}
