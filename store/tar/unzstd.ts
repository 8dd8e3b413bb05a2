import type { Decompress } from "fzstd";
import { VarveError } from "../../core/errors.js";
import { type Fingerprints, loadFingerprints } from "../change-fingerprint.js";
import { compressionFault } from "./compression-fault.js";
import { ZstdBlocks, type ZstdPart } from "./zstd-blocks.js";

/** Zstd frames, one after another; their sizes and checksums are checked, which the package leaves undone. */
export async function* unzstded(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const [{ Decompress: Decompressor }, fingerprints] = await Promise.all([import("fzstd"), loadFingerprints()]);
  const blocks = new ZstdBlocks();
  const newFrame = (): ZstdFrame => new ZstdFrame((take) => new Decompressor(take), fingerprints);
  let frame = newFrame();
  for await (const chunk of stream) {
    for (const part of blocks.push(chunk)) {
      yield* frame.push(part);
      if (part.kind === "frame end") frame = newFrame();
    }
  }
  if (!blocks.isComplete) throw compressionFault("zstd", "is cut off");
}

class ZstdFrame {
  readonly #decompressor: Decompress;
  readonly #hash: ReturnType<Fingerprints["startXxh64"]>;
  #output: Uint8Array[] = [];
  #bytes = 0;

  constructor(decompressor: (take: (plain: Uint8Array) => void) => Decompress, fingerprints: Fingerprints) {
    this.#decompressor = decompressor((plain) => this.#output.push(plain));
    this.#hash = fingerprints.startXxh64();
  }

  /** @returns The plain bytes that came of this part. */
  push(part: ZstdPart): readonly Uint8Array[] {
    this.#output = [];
    try {
      if (part.kind === "bytes") this.#decompressor.push(part.bytes);
      else this.#decompressor.push(new Uint8Array(0), true);
    } catch (error) {
      throw error instanceof VarveError ? error : compressionFault("zstd", "is damaged", error);
    }
    for (const plain of this.#output) {
      this.#bytes += plain.length;
      this.#hash.update(plain);
    }
    if (part.kind === "frame end") this.#check(part);
    return this.#output;
  }

  #check({ contentSize, checksum }: Extract<ZstdPart, { kind: "frame end" }>): void {
    if (contentSize !== undefined && contentSize !== this.#bytes) {
      throw compressionFault("zstd", `has ${this.#bytes} bytes in a frame that promises ${contentSize}`);
    }
    if (checksum !== undefined && BigInt(checksum) !== BigInt.asUintN(32, this.#hash.digest())) {
      throw compressionFault("zstd", "has a wrong checksum");
    }
  }
}
