import { VarveError } from "../core/errors.js";
import type { ByteString } from "../core/model/byte-string.js";
import { parseIgnorePattern } from "../core/paths/ignore-pattern.js";
import { bytesOfWord } from "./process-arguments.js";

/** `--exclude`, for commands that read a directory. */
export const EXCLUDE_OPTION = {
  type: "string",
  array: true,
  value: "PATTERN",
  describe: "Leave out what matches, as a line of .varveignore does",
} as const;

/**
 * In a file git passes over lines that are empty or can match nothing, and so do we. On the command line they are refused: there they are
 * an unset variable or a slip in quoting, and what should have been left out would be committed.
 *
 * @throws VarveError USAGE for a pattern that can match nothing, UNSUPPORTED for one that is too long.
 */
export function excludedPatterns(words: readonly string[]): readonly ByteString[] {
  return words.map((word) => {
    const pattern = bytesOfWord(word);
    if (parseIgnorePattern(pattern) === undefined) throw matchesNothing(word);
    return pattern;
  });
}

function matchesNothing(word: string): VarveError {
  if (word.trim() === "") {
    return new VarveError("USAGE", "Cannot read --exclude: the pattern is empty", {
      hint: "Name a path or a pattern, such as '*.log'. If it came from a variable, that is not set.",
    });
  }
  return new VarveError("USAGE", `Cannot read --exclude "${word}": no path can match it`, {
    hint: "Each [ needs its ], a last backslash something to quote, and / or ! a name beside it. To mean such a character itself, quote it: '\\['.",
  });
}

export function excludeNeedsDirectory(task: string): VarveError {
  return new VarveError("USAGE", `Cannot ${task} with --exclude: patterns leave out paths of a directory alone`, {
    hint: "Leave the option out.",
  });
}
