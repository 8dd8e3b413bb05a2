import { chmodSync, closeSync, constants, copyFileSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync } from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import { nodeAt } from "../../core/model/paths.js";
import type { FileContent, Tree } from "../../core/model/tree.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { syncDirectory } from "../durable-file.js";
import { openDirectoryTree } from "../directory/directory-tree.js";
import { ChainTree } from "../erofs/chain-tree.js";
import { DIGEST_BYTES } from "../erofs/content-table.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { BLOCK_BYTES } from "../erofs/image-format.js";
import { LayerImages } from "../erofs/layer-images.js";
import { ImageStoredContent } from "../erofs/stored-content.js";
import { writeAt } from "../erofs/write-at.js";
import { removeScratch, scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { eachContent } from "./measure-layers.js";
import { linkToQuarantine } from "./quarantine.js";
import { ImageVerifier } from "../erofs/verify-image.js";

const PIECE_BLOCKS = 256;

/** Where the same bytes may be found. */
export interface ContentSources {
  /** The store's other layers. */
  readonly others: readonly LayerId[];
  /** The tracked directory: files of it may still be what they were. */
  readonly tracked?: string | undefined;
}

/**
 * Fetches damaged contents of a layer from where the same bytes stand. The image is deterministic, so that it is whole again or not at all: what
 * does not verify is thrown away.
 *
 * @returns Whether the layer is whole now.
 */
export async function restoreContents(
  layout: StoreLayout,
  id: LayerId,
  faults: readonly LayerFault[],
  sources: ContentSources,
): Promise<boolean> {
  const images = new LayerImages(layout.layers);
  const folder = scratchPath(layout, "restore");
  try {
    const wanted = damagedContents(images, id, faults);
    if (wanted.size === 0) return false;
    mkdirSync(folder);
    const copy = path.join(folder, id);
    copyFileSync(layout.layer(id), copy, constants.COPYFILE_FICLONE);
    chmodSync(copy, 0o600);
    await fill(copy, wanted, images, layout, faults, sources);
    if (wanted.size > 0 || !isWhole(layout, folder, id, images)) return false;
    putInPlace(layout, id, copy);
    return true;
  } finally {
    images.close();
    removeScratch(folder);
  }
}

function damagedContents(
  images: LayerImages,
  id: LayerId,
  faults: readonly LayerFault[],
): Map<ContentDigest, ImageStoredContent> {
  // Closing the tree closes the images, which are needed longer.
  const tree = new ChainTree(images, [id]);
  const wanted = new Map<ContentDigest, ImageStoredContent>();
  for (const { kind, path: at } of faults) {
    const node = kind === "content" && at !== undefined ? nodeAt(tree, at satisfies ByteString) : undefined;
    if (node === undefined || !("content" in node)) continue;
    const { stored } = node.content;
    if (stored instanceof ImageStoredContent) wanted.set(stored.digest, stored);
  }
  return wanted;
}

/** Takes out of `wanted` what was found. */
async function fill(
  copy: string,
  wanted: Map<ContentDigest, ImageStoredContent>,
  images: LayerImages,
  layout: StoreLayout,
  faults: readonly LayerFault[],
  { others, tracked }: ContentSources,
): Promise<void> {
  const fd = openSync(copy, "r+");
  try {
    for (const other of others) {
      if (wanted.size === 0) break;
      if (!hasOneOf(images, other, wanted)) continue;
      await fillFrom(fd, wanted, new ChainTree(new LayerImages(layout.layers), [other]));
    }
    if (tracked !== undefined && wanted.size > 0) fillFromDirectory(fd, wanted, tracked, faults);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A layer's paths are the tree's, and so the directory's. */
function fillFromDirectory(
  fd: number,
  wanted: Map<ContentDigest, ImageStoredContent>,
  directory: string,
  faults: readonly LayerFault[],
): void {
  const tree = openDirectoryTree(directory);
  try {
    for (const { path: at } of faults) {
      const node = at === undefined ? undefined : nodeAt(tree, at);
      if (node === undefined || !("content" in node)) continue;
      const target = wanted.get(node.content.digest());
      if (target === undefined) continue;
      writeContent(fd, target, node.content);
      wanted.delete(target.digest);
    }
  } catch (error) {
    // Something changes there just now: it is no source.
    if (!(error instanceof VarveError)) throw error;
  } finally {
    tree.close();
  }
}

/** @param tree Of one other layer; closed in here. */
async function fillFrom(fd: number, wanted: Map<ContentDigest, ImageStoredContent>, tree: Tree): Promise<void> {
  try {
    await eachContent(tree, (content) => {
      const target = wanted.get(content.digest());
      if (target === undefined || !isGood(content)) return;
      writeContent(fd, target, content);
      wanted.delete(target.digest);
    });
  } catch (error) {
    // That layer is damaged, too: what it gave was checked, and others may have the rest.
    if (!(error instanceof VarveError && error.code === "LAYER_CORRUPT")) throw error;
  }
}

function hasOneOf(images: LayerImages, id: LayerId, wanted: ReadonlyMap<ContentDigest, unknown>): boolean {
  try {
    const { digestTable, digestRows } = images.get(id).header;
    const table = images.get(id).bytes(digestTable, digestRows * DIGEST_BYTES);
    return [...wanted.keys()].some((digest) => {
      const bytes = Buffer.from(digest, "hex");
      let at = table.indexOf(bytes);
      while (at !== -1 && at % DIGEST_BYTES !== 0) at = table.indexOf(bytes, at + 1);
      return at !== -1;
    });
  } catch {
    return false; // damaged itself
  }
}

function isGood(content: FileContent): boolean {
  try {
    const hash = createHash("sha256");
    for (const piece of piecesOf(content, 0, content.size)) hash.update(piece);
    return hash.digest("hex") === content.digest();
  } catch {
    return false;
  }
}

function* piecesOf(content: FileContent, from: number, to: number): Generator<Buffer> {
  const reader = content.open({ check: false });
  const buffer = Buffer.allocUnsafe(PIECE_BLOCKS * BLOCK_BYTES);
  for (let at = from; at < to;) {
    const count = reader.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    at += count;
  }
}

/** Only into blocks of the image itself. */
function writeContent(fd: number, target: ImageStoredContent, source: FileContent): void {
  if (!(target.content instanceof ImageFileContent)) return;
  const { layer: owner } = target.content.inode;
  for (const { layer, block, address, count } of target.runs ?? []) {
    if (layer !== owner) continue;
    const start = block * BLOCK_BYTES;
    const end = Math.min(start + count * BLOCK_BYTES, source.size);
    let position = address * BLOCK_BYTES;
    for (const piece of piecesOf(source, start, end)) {
      writeAt(fd, piece, position);
      position += piece.length;
    }
    // What follows the end of a file in its last block is zero.
    writeAt(fd, Buffer.alloc((BLOCK_BYTES - (position % BLOCK_BYTES)) % BLOCK_BYTES), position);
  }
}

/** Its lenders are looked for beside it. */
function isWhole(layout: StoreLayout, folder: string, id: LayerId, images: LayerImages): boolean {
  for (const lender of images.get(id).devices) linkSync(layout.layer(lender), path.join(folder, lender));
  const restored = new LayerImages(folder);
  try {
    return new ImageVerifier(restored, () => undefined).verify({ id, share: 0, shares: 1, content: true }).length === 0;
  } finally {
    restored.close();
  }
}

function putInPlace(layout: StoreLayout, id: LayerId, copy: string): void {
  chmodSync(copy, 0o400);
  linkToQuarantine(layout, id);
  renameSync(copy, layout.layer(id));
  syncDirectory(layout.layers);
}
