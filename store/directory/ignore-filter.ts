import { VarveError } from "../../core/errors.js";
import { byteStringOf, joinPath, textOf, type ByteString } from "../../core/model/byte-string.js";
import { nodeAt } from "../../core/model/paths.js";
import type { DirectoryNode, Tree } from "../../core/model/tree.js";
import { IGNORE_FILE, IgnoreRules } from "../../core/paths/ignore-rules.js";
import { hasCode } from "../../linux/errno.js";
import { closeDescriptor, OPEN_FILE, openAt } from "../../linux/open-at.js";
import { FileStat, S_IFREG, statAt, statDescriptor } from "../../linux/stat.js";
import { readSync } from "node:fs";
import { sourceChanged, sourceFailure } from "./source-failure.js";

export interface IgnoreOptions {
  /** Patterns of the command line. */
  readonly patterns?: readonly ByteString[] | undefined;
  /** Trees whose paths are not ignored, whatever the rules say. */
  readonly tracked?: readonly Tree[];
  /** Whether a directory that no such tree has is ignored when all that it holds is. */
  readonly emptied?: boolean;
  /** `FileStat.inodeKey` of the store's own directory: it and tracked directories' stores are left out where no such tree has them. */
  readonly store?: string | undefined;
}

/** An ignore file of more is a mistake, or worse. */
const LARGEST_FILE = 1 << 20;
const STAT = new FileStat();

/** What holds in one directory of a scan. */
export class IgnorePlace {
  readonly #options: IgnoreOptions;
  readonly #path: ByteString;
  readonly #rules: IgnoreRules | undefined;
  /** The directory is ignored itself, and stands here for what is tracked in it. */
  readonly #onlyTracked: boolean;
  /** Whether the rules are what they were when the stats that are known were taken. */
  readonly areRulesSame: boolean;
  #tracked: readonly DirectoryNode[] | undefined;

  private constructor(
    options: IgnoreOptions,
    path: ByteString,
    rules: IgnoreRules | undefined,
    onlyTracked: boolean,
    areRulesSame: boolean,
  ) {
    this.#options = options;
    this.#path = path;
    this.#rules = rules;
    this.#onlyTracked = onlyTracked;
    this.areRulesSame = areRulesSame;
  }

  static root(options: IgnoreOptions): IgnorePlace {
    const { patterns = [] } = options;
    return new IgnorePlace(options, "" as ByteString, patterns.length > 0 ? IgnoreRules.of(patterns) : undefined, false, true);
  }

  /**
   * The same directory with the rules of its own ignore file.
   *
   * @param isSame Whether that file, or its absence, is known.
   * @param file Where a person finds it.
   */
  withFile(descriptor: number, isThere: boolean, isSame: boolean, file: ByteString): IgnorePlace {
    const content = isThere ? readIgnoreFile(descriptor, file) : undefined;
    if (content === undefined && isSame) return this;
    const above = this.#rules ?? IgnoreRules.of([]);
    const rules = content === undefined ? this.#rules : above.within(this.#path, content);
    return new IgnorePlace(this.#options, this.#path, rules, this.#onlyTracked, this.areRulesSame && isSame);
  }

  /** A directory in it that is not left out. */
  below(name: ByteString): IgnorePlace {
    const onlyTracked = this.#onlyTracked || this.#rules?.verdict(this.#path, name, true) !== undefined;
    return new IgnorePlace(this.#options, joinPath(this.#path, name), this.#rules, onlyTracked, this.areRulesSame);
  }

  /** Whether a name is left out, and whether only because the command line says so. */
  leavesOut(name: ByteString, isDirectory: boolean): "ignored" | "excluded" | undefined {
    if (this.#rules === undefined) return undefined;
    const verdict = this.#onlyTracked ? "ignored" : this.#rules.verdict(this.#path, name, isDirectory);
    return verdict === undefined || this.isTracked(name) ? undefined : verdict;
  }

  isTracked(name: ByteString): boolean {
    this.#tracked ??= (this.#options.tracked ?? []).flatMap((tree) => {
      const node = nodeAt(tree, this.#path);
      return node !== undefined && "children" in node ? [node] : [];
    });
    return this.#tracked.some((directory) => directory.child(name) !== undefined);
  }
}

/** @returns `undefined` for what is no regular file: like git, it follows no symlink. @throws SystemCallError, VarveError UNSUPPORTED. */
function readIgnoreFile(directory: number, file: ByteString): ByteString | undefined {
  if (statAt(directory, IGNORE_FILE, STAT).type !== S_IFREG) return undefined;
  const descriptor = openIgnoreFile(directory, file);
  try {
    const { size, type } = statDescriptor(descriptor, STAT);
    if (type !== S_IFREG) throw sourceChanged(file);
    if (size > LARGEST_FILE) throw tooLarge(file, size);
    const bytes = Buffer.alloc(size);
    return byteStringOf(bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0)));
  } finally {
    closeDescriptor(descriptor);
  }
}

function openIgnoreFile(directory: number, file: ByteString): number {
  try {
    return openAt(directory, IGNORE_FILE, OPEN_FILE);
  } catch (error) {
    // Anything else tells of the directory.
    throw hasCode(error, "EACCES", "EPERM") ? sourceFailure(error, file) : error;
  }
}

function tooLarge(file: ByteString, size: number): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot read "${textOf(file)}": it has ${size} bytes, wanted at most 1 MiB of rules`, {
    path: textOf(file),
    hint: "Name whole directories, or use patterns.",
  });
}
