import { createHash } from "node:crypto";
import * as F from "./image-format.js";
import type { LayerImage } from "./layer-image.js";
import { headerBlocks, unsealHeader } from "./superblock.js";

const PIECE_BYTES = 1 << 20;

/** The LayerId that an image's bytes give: SHA-256 over header and metadata region. Reads all of both: about a gigabyte a second. */
export function layerIdOf(image: LayerImage): string {
  const header = image.imageBytes(0, headerBlocks(image.devices.length) * F.BLOCK_BYTES);
  unsealHeader(header);
  const hash = createHash("sha256").update(header);
  const end = image.metadataStart + image.metadataBytes;
  for (let position = image.metadataStart; position < end; position += PIECE_BYTES) {
    hash.update(image.imageBytes(position, Math.min(PIECE_BYTES, end - position)));
  }
  return hash.digest("hex");
}
