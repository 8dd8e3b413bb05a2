import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import type { LayerImage } from "../erofs/layer-image.js";
import { ImageStoredContent } from "../erofs/stored-content.js";

const FILE = F.DIRENT_TYPE[F.MODE.file >> 12];
const PIECE_BYTES = 64 << 10;

/**
 * Whether the contents that stand wholly in a layer's data region are what their digests say. Of a file that changed in place only its changed
 * parts stand there: they are not looked at, since to check them all of the file would have to be read.
 */
export function areContentsSound(image: LayerImage): boolean {
  try {
    const pending = [{ nid: image.rootNid, parent: image.rootNid }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const { nid, type } of new ImageDirectory(image, next.nid, next.parent).entries()) {
        if (type === F.DIRENT_DIRECTORY) pending.push({ nid, parent: next.nid });
        else if (type === FILE && !isSound(image, nid)) return false;
      }
    }
    return true;
  } catch (error) {
    if (error instanceof VarveError && error.code === "LAYER_CORRUPT") return false;
    throw error;
  }
}

function isSound(image: LayerImage, nid: number): boolean {
  const inode = image.inode(nid);
  if ((inode.mode & F.MODE.mask) !== F.MODE.file || inode.size < F.BLOCK_BYTES || image.xattrs(inode).metacopy) return true;
  const content = new ImageFileContent(image, inode);
  const { stored } = content;
  const isOwn = stored instanceof ImageStoredContent && stored.runs?.every(({ layer }) => layer === image.id) === true;
  return !isOwn || digestOf(content) === content.digest();
}

function digestOf(content: ImageFileContent): string {
  const hash = createHash("sha256");
  const reader = content.open();
  const buffer = Buffer.allocUnsafe(Math.min(content.size, PIECE_BYTES));
  for (let position = 0, count = 0; (count = reader.read(buffer, position)) > 0; position += count) {
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
