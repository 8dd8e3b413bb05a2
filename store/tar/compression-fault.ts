import { VarveError } from "../../core/errors.js";

/** @param cause What the decompressor threw; it is kept for the curious, never shown alone. */
export function compressionFault(format: string, problem: string, cause?: unknown): VarveError {
  return fault(format, problem, "The file or stream is cut off or damaged. Take it from its source again.", cause);
}

/** Of data that may well be sound, but asks for more than we give. */
export function compressionRefused(format: "xz" | "zstd", problem: string, cause?: unknown): VarveError {
  const command = { xz: "xz -dc", zstd: "zstd -dc --long=31" }[format];
  return fault(format, problem, `Decompress it yourself: ${command} FILE | varve import - -b BRANCH`, cause);
}

function fault(format: string, problem: string, hint: string, cause: unknown): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the tar: its ${format} data ${problem}`, { hint, cause });
}
