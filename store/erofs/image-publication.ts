import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { ContentPlaces } from "./content-places.js";
import { DIGEST_BYTES, type ContentTable } from "./content-table.js";
import type { DataRegion } from "./data-region.js";
import * as F from "./image-format.js";
import type { InodeTable } from "./inode-table.js";
import type { Lenders } from "./lenders.js";
import { layOutMetadata, type LayerParts, type MetadataLayout } from "./metadata-layout.js";
import { MetadataWriter, type ImageOutline } from "./metadata-writer.js";
import { encodeHeader, headerBlocks, sealHeader, type Device } from "./superblock.js";
import { WindowWriter } from "./window-writer.js";
import { writeAt } from "./write-at.js";

/** A layer of which all is known, with its data in the file. */
export interface CompleteLayer extends Omit<LayerParts, "places"> {
  readonly data: DataRegion;
  readonly lenders: Lenders;
  readonly blocksOf: (id: LayerId) => number;
}

/** One image of a layer: the one that is written, or the canonical one, of which the id alone is wanted. */
interface Image {
  readonly places: ContentPlaces;
  readonly lenders: readonly LayerId[];
  readonly slots: readonly number[];
  readonly dataBytes: number;
  /** Block at which the data starts. */
  readonly dataBlock: number;
}

/** A content of which blocks stand in the image. */
export interface HeldContent {
  /** Holds the content's SHA-256 from `at` on. */
  readonly digests: Buffer;
  readonly at: number;
  /** An inode that has it. */
  readonly nid: number;
}

/** Gives a layer that is whole its id, header and metadata. */
export class ImagePublication {
  readonly #layer: CompleteLayer;

  constructor(layer: CompleteLayer) {
    this.#layer = layer;
  }

  /** The id of the canonical image; `undefined` when that is the one to be written. */
  canonicalId(): LayerId | undefined {
    const { contents, lenders, data } = this.#layer;
    if (contents.canonical === undefined) return undefined;
    const dataBytes = data.position + contents.skippedBlocks * F.BLOCK_BYTES;
    const image: Image = {
      places: contents.canonical,
      lenders: lenders.canonical,
      slots: lenders.canonicalSlots,
      dataBytes,
      dataBlock: data.startOf(dataBytes, headerBlocks(lenders.canonical.length)),
    };
    return this.#compose(image, () => undefined).id;
  }

  /** Writes all but the data. @param fd Open for reading and writing. @returns The id, and the nids by inode. */
  write(fd: number): { readonly id: LayerId; readonly nids: Uint32Array } {
    const { contents, lenders, data } = this.#layer;
    const { written, writtenSlots } = lenders;
    const dataBlock = data.finish(headerBlocks(written.length));
    const image: Image = {
      places: contents.places,
      lenders: written,
      slots: writtenSlots,
      dataBytes: data.position,
      dataBlock,
    };
    const { id, header, nids } = this.#compose(image, (bytes, position) => writeAt(fd, bytes, position));
    sealHeader(header, id);
    writeAt(fd, header, 0);
    return { id, nids };
  }

  /** @param emit Gets the metadata, in sequence, with its position in the image. */
  #compose(
    { places, lenders, slots, dataBytes, dataBlock }: Image,
    emit: (bytes: Buffer, position: number) => void,
  ): ComposedImage {
    const metadataBlock = dataBlock + F.blocksOf(dataBytes);
    const devices = lenders.map((id): Device => ({ id, blocks: this.#layer.blocksOf(id) }));
    return composeImage({ ...this.#layer, places }, { dataBlock, metadataBlock, slots }, devices, emit);
  }
}

/** All of an image but its data: the metadata was passed on, the header is not sealed yet. */
export interface ComposedImage {
  readonly id: LayerId;
  readonly header: Buffer;
  /** By inode. */
  readonly nids: Uint32Array;
}

/**
 * Lays a layer out and gives it its id.
 *
 * @param emit Gets the metadata, in sequence, with its position in the image.
 * @throws VarveError UNSUPPORTED.
 */
export function composeImage(
  parts: LayerParts,
  outline: ImageOutline,
  devices: readonly Device[],
  emit: (bytes: Buffer, position: number) => void,
): ComposedImage {
  const { metadataBlock } = outline;
  const layout = layOutMetadata(parts);
  const header = headerOf(parts, layout, metadataBlock, devices);
  const hash = createHash("sha256").update(header);
  let position = metadataBlock * F.BLOCK_BYTES;
  const out = new WindowWriter((bytes) => {
    hash.update(bytes);
    emit(bytes, position);
    position += bytes.length;
  });
  new MetadataWriter(parts, layout, out, outline).write();
  return { id: hash.digest("hex") as LayerId, header, nids: layout.nids };
}

function headerOf(
  { inodes, places, xattrs }: LayerParts,
  layout: MetadataLayout,
  metadataBlock: number,
  devices: readonly Device[],
): Buffer {
  const blocks = metadataBlock + layout.bytes / F.BLOCK_BYTES;
  if (blocks >= F.HOLE_ADDRESS) throw new VarveError("UNSUPPORTED", "Cannot write the layer: it takes more than 16 TiB");
  return encodeHeader({
    rootNid: layout.nids[0] as number,
    inodes: inodes.count,
    blocks,
    metadataBlock,
    xattrBlock: xattrs.sharedBytes > 0 || xattrs.hasMetacopy ? metadataBlock : 0,
    chunks: places.hasChunks,
    devices,
  });
}

/** Contents of which the written image holds blocks, each with one inode. @param nids By inode. */
export function* heldContents(inodes: InodeTable, contents: ContentTable, nids: Uint32Array): Generator<HeldContent> {
  const { digests, count } = contents;
  const seen = new Uint8Array(count);
  for (let inode = 0; inode < inodes.count; inode += 1) {
    if (((inodes.mode[inode] as number) & F.MODE.mask) !== F.MODE.file) continue;
    const content = inodes.payload[inode] as number;
    if (seen[content] === 1 || !contents.isHeld(content)) continue;
    seen[content] = 1;
    yield { digests, at: content * DIGEST_BYTES, nid: nids[inode] as number };
  }
}
