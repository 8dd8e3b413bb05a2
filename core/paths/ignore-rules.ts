import { joinPath, type ByteString } from "../model/byte-string.js";
import { type IgnorePattern, parseIgnoreFile, parseIgnorePattern } from "./ignore-pattern.js";

/** The file that holds rules for the directory it stands in, and all below. */
export const IGNORE_FILE = ".varveignore" as ByteString;

/** What is ignored in a directory: its own rules, those of the directories above, and those of the command line. Never changed. */
export class IgnoreRules {
  readonly #above: IgnoreRules | undefined;
  /** With a slash behind it, except for the root. */
  readonly #base: string;
  readonly #patterns: readonly IgnorePattern[];
  /** Asked first, in every directory. */
  readonly #overriding: readonly IgnorePattern[];

  private constructor(
    above: IgnoreRules | undefined,
    base: string,
    patterns: readonly IgnorePattern[],
    overriding: readonly IgnorePattern[],
  ) {
    this.#above = above;
    this.#base = base;
    this.#patterns = patterns;
    this.#overriding = overriding;
  }

  /** @param patterns Of the command line: as if they stood in the root, but stronger than any file's. */
  static of(patterns: readonly ByteString[]): IgnoreRules {
    return new IgnoreRules(
      undefined,
      "",
      [],
      patterns.flatMap((pattern) => parseIgnorePattern(pattern) ?? []),
    );
  }

  /** The rules for a directory that holds an ignore file. */
  within(directory: ByteString, content: ByteString): IgnoreRules {
    return new IgnoreRules(this, directory === "" ? "" : `${directory}/`, parseIgnoreFile(content), this.#overriding);
  }

  /**
   * Whether a name is ignored in a directory that is not: the last pattern that matches it decides, the command line's before files', a
   * file's before those further up.
   */
  verdict(directory: ByteString, name: ByteString, isDirectory: boolean): "ignored" | "excluded" | undefined {
    const path = joinPath(directory, name);
    const overriding = lastMatch(this.#overriding, path, name, isDirectory);
    if (overriding !== undefined) return overriding.isNegated ? undefined : "excluded";
    const found = this.#deciding(path, name, isDirectory);
    return found === undefined || found.isNegated ? undefined : "ignored";
  }

  #deciding(path: ByteString, name: ByteString, isDirectory: boolean): IgnorePattern | undefined {
    const own = lastMatch(this.#patterns, path.slice(this.#base.length) as ByteString, name, isDirectory);
    if (own !== undefined || this.#above === undefined) return own;
    return this.#above.#deciding(path, name, isDirectory);
  }
}

function lastMatch(
  patterns: readonly IgnorePattern[],
  path: ByteString,
  name: ByteString,
  isDirectory: boolean,
): IgnorePattern | undefined {
  for (let index = patterns.length - 1; index >= 0; index--) {
    if (patterns[index]!.matches(path, name, isDirectory)) return patterns[index];
  }
  return undefined;
}
