import { VarveError } from "../core/errors.js";
import type { ByteString } from "../core/model/byte-string.js";
import { bytesOfWord } from "./process-arguments.js";

/** `--exclude`, for commands that read a directory. */
export const EXCLUDE_OPTION = {
  type: "string",
  array: true,
  value: "PATTERN",
  describe: "Leave out what matches, as a line of .varveignore does",
} as const;

/** @throws VarveError USAGE for a pattern that is empty. */
export function excludedPatterns(words: readonly string[]): readonly ByteString[] {
  if (words.some((word) => word.trim() === "")) {
    throw new VarveError("USAGE", "Cannot read --exclude: the pattern is empty", {
      hint: "Name a path or a pattern, such as '*.log'.",
    });
  }
  return words.map(bytesOfWord);
}

export function excludeNeedsDirectory(task: string): VarveError {
  return new VarveError("USAGE", `Cannot ${task} with --exclude: patterns leave out paths of a directory alone`, {
    hint: "Leave the option out.",
  });
}
