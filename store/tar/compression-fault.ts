import { VarveError } from "../../core/errors.js";

/** @param cause What the decompressor threw; it is kept for the curious, never shown alone. */
export function compressionFault(format: string, problem: string, cause?: unknown): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the tar: its ${format} data ${problem}`, {
    hint: "The file or stream is cut off or damaged. Take it from its source again.",
    cause,
  });
}
