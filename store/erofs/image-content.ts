import { VarveError } from "../../core/errors.js";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { ContentReader, Extent, FileContent, OpenOptions, StoredContent } from "../../core/model/tree.js";
import { DigestCheck } from "./digest-check.js";
import { extentsOf, runsOfChunks, type BlockRun } from "./block-runs.js";
import * as F from "./image-format.js";
import type { Inode, LayerImage } from "./layer-image.js";
import { ImageStoredContent, type ImageRun } from "./stored-content.js";

/** Blocks in an opened image. */
interface OpenRun extends BlockRun {
  readonly image: LayerImage;
}

/** A regular file's bytes in one layer image, or in those that lend to it. */
export class ImageFileContent implements FileContent {
  readonly #image: LayerImage;
  readonly #inode: Inode;

  readonly #path: (() => ByteString | undefined) | undefined;

  /** @param path Gives StoredContent.path. */
  constructor(image: LayerImage, inode: Inode, path?: () => ByteString | undefined) {
    this.#image = image;
    this.#inode = inode;
    this.#path = path;
  }

  get size(): number {
    return this.#inode.size;
  }

  /** The inode that holds it: equal for its names alone. */
  get inode(): { readonly layer: LayerId; readonly nid: number } {
    return { layer: this.#image.id, nid: this.#inode.nid };
  }

  get knownDigest(): ContentDigest {
    return this.digest();
  }

  get stored(): StoredContent {
    return new ImageStoredContent(this, () => this.#lendable(), this.#path);
  }

  digest(): ContentDigest {
    return this.#image.digest(this.#inode.digestRow) as ContentDigest;
  }

  extents(): Iterable<Extent> {
    const { size, layout } = this.#inode;
    if (layout !== F.LAYOUT.chunks) return size === 0 ? [] : [{ offset: 0, length: size, kind: "data" }];
    const data: { offset: number; length: number }[] = [];
    for (const { block, count } of this.#runs()) {
      const offset = block * F.BLOCK_BYTES;
      const length = Math.min(count * F.BLOCK_BYTES, size - offset);
      const last = data.at(-1);
      if (last !== undefined && last.offset + last.length === offset) last.length += length;
      else data.push({ offset, length });
    }
    return extentsOf(data, size);
  }

  open({ check = true }: OpenOptions = {}): ContentReader {
    const image = this.#image;
    const inode = this.#inode;
    const runs = this.#runs();
    // What follows its inode stands in the metadata, which was compared with the layer's id.
    const digest = check && runs.length > 0 ? new DigestCheck(inode.size, (from, to) => isHole(runs, from, to)) : undefined;
    const { size } = inode;
    const inlineStart = inode.layout === F.LAYOUT.inlineTail ? size - (size % F.BLOCK_BYTES) : size;
    let current = 0;
    const readPart = (buffer: Uint8Array, position: number): number => {
      const wanted = Math.min(buffer.length, size - position);
      if (position >= inlineStart) {
        buffer.set(image.bytes(image.afterXattrs(inode) + position - inlineStart, wanted));
        return wanted;
      }
      current = runAt(runs, current, Math.floor(position / F.BLOCK_BYTES));
      return readPiece(runs[current], buffer.subarray(0, Math.min(wanted, inlineStart - position)), position);
    };
    const read = (buffer: Uint8Array, position: number): number => {
      let done = 0;
      for (const wanted = Math.min(buffer.length, size - position); done < wanted;) {
        done += readPart(buffer.subarray(done), position + done);
      }
      digest?.add(buffer.subarray(0, done), position);
      return done;
    };
    const verify = (): void => {
      if (digest?.isGood(this.digest()) === false) throw this.#corrupt(runs);
    };
    return { read, verify, close: () => undefined };
  }

  #corrupt(runs: readonly OpenRun[]): VarveError {
    const holders = [...new Set(runs.map(({ image }) => image))];
    const [holder = this.#image] = holders;
    const path = this.#path?.();
    const where = path === undefined ? "a file has" : `"/${textOf(path)}" has`;
    const error = this.#image.damaged(`${where} another content than its digest says`);
    const layers = [...new Set([...holders, this.#image].map(({ id }) => id))];
    return new VarveError("LAYER_CORRUPT", error.message, { path: holder.path, hint: error.hint, layers });
  }

  /** Blocks that hold the file, in order, without its inline tail. */
  #runs(): OpenRun[] {
    const image = this.#image;
    const { size, layout, address } = this.#inode;
    if (layout !== F.LAYOUT.chunks) {
      const count = layout === F.LAYOUT.plain ? F.blocksOf(size) : Math.floor(size / F.BLOCK_BYTES);
      return count === 0 ? [] : [{ block: 0, count, address, image }];
    }
    const index = image.afterXattrs(this.#inode);
    const runs: OpenRun[] = [];
    const chunk = (number: number): { device: number; address: number } => {
      const bytes = image.bytes(index + number * F.CHUNK_INDEX_BYTES, F.CHUNK_INDEX_BYTES);
      return { device: bytes.readUInt16LE(2), address: bytes.readUInt32LE(4) };
    };
    for (const { device, ...run } of runsOfChunks(F.blocksOf(size), address & F.CHUNK_BITS_MASK, chunk)) {
      const holder = image.device(device);
      if (!holder.holdsData(run.address, run.count))
        throw image.damaged(`inode ${this.#inode.nid} points outside of where contents stand`);
      runs.push({ ...run, image: holder });
    }
    return runs;
  }

  #lendable(): readonly ImageRun[] | undefined {
    const { layout, size } = this.#inode;
    if (layout === F.LAYOUT.inlineTail && size % F.BLOCK_BYTES > 0) return undefined;
    return this.#runs().map(({ block, count, address, image }) => ({ block, count, address, layer: image.id }));
  }
}

function isHole(runs: readonly OpenRun[], from: number, to: number): boolean {
  const next = runs[runAt(runs, 0, Math.floor(from / F.BLOCK_BYTES))];
  return next === undefined || next.block * F.BLOCK_BYTES >= to;
}

/** Index of the first run that ends after a block. @param from Where the last answer was: reading goes forward mostly. */
function runAt(runs: readonly OpenRun[], from: number, block: number): number {
  const before = runs[from - 1];
  let index = before !== undefined && before.block + before.count > block ? 0 : from;
  for (let run = runs[index]; run !== undefined && run.block + run.count <= block; run = runs[index]) index += 1;
  return index;
}

/** Reads from the run, or zeros before it; at most up to its end. @param run `undefined`: zeros to the end. */
function readPiece(run: OpenRun | undefined, buffer: Uint8Array, position: number): number {
  const start = run === undefined ? Infinity : run.block * F.BLOCK_BYTES;
  if (run === undefined || position < start) {
    const length = Math.min(buffer.length, start - position);
    buffer.fill(0, 0, length);
    return length;
  }
  const end = start + run.count * F.BLOCK_BYTES;
  const piece = buffer.subarray(0, Math.min(buffer.length, end - position));
  const count = run.image.read(piece, run.address * F.BLOCK_BYTES + position - start);
  if (count < piece.length) throw run.image.damaged("it ends before its data does");
  return count;
}
