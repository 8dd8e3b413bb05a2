import { VarveError } from "../../core/errors.js";
import { compressionFault } from "./compression-fault.js";
import { ZstdBlocks } from "./zstd-blocks.js";

/** Zstd frames, one after another. Their optional checksums are not checked: the tar and what is made of it have their own. */
export async function* unzstded(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { Decompress } = await import("fzstd");
  const blocks = new ZstdBlocks();
  let output: Uint8Array[] = [];
  let frameBytes = 0;
  const newFrame = (): InstanceType<typeof Decompress> => new Decompress((chunk) => output.push(chunk));
  let frame = newFrame();
  for await (const chunk of stream) {
    for (const part of blocks.push(chunk)) {
      const plain = decompress(() => {
        if (part.kind === "bytes") frame.push(part.bytes);
        else frame.push(new Uint8Array(0), true);
      });
      for (const bytes of plain) frameBytes += bytes.length;
      yield* plain;
      if (part.kind !== "frame end") continue;
      if (part.contentSize !== undefined && part.contentSize !== frameBytes) {
        throw compressionFault("zstd", `has ${frameBytes} bytes in a frame that promises ${part.contentSize}`);
      }
      frame = newFrame();
      frameBytes = 0;
    }
  }
  if (!blocks.isComplete) throw compressionFault("zstd", "is cut off");

  function decompress(work: () => void): Uint8Array[] {
    output = [];
    try {
      work();
    } catch (error) {
      if (error instanceof VarveError) throw error;
      throw compressionFault("zstd", "is damaged", error);
    }
    return output;
  }
}
