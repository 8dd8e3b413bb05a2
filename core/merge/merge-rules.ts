import { textOf, type ByteString } from "../model/byte-string.js";
import { nodeAt } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import { parseIgnorePattern, type IgnorePattern } from "../paths/ignore-pattern.js";
import { bytesOfContent } from "../trees/content-of-bytes.js";

/** How the contents of a file that both sides changed are merged: what `merge=` may say in `.varveattributes`. */
export const CONTENT_RULES = [
  "text", // line by line
  "binary", // not at all: a conflict
  "ours", // ours
  "theirs", // theirs
  "newer", // the one with the newer mtime
  "union", // line by line, both versions of what both changed
  "passwd", // users and groups by name
  "group",
  "shadow",
  "gshadow",
  "subid", // ranges of ids by user
  "dpkg", // packages by name
  "apk",
] as const;
export type ContentRule = (typeof CONTENT_RULES)[number];

export interface FoundRule {
  readonly rule: ContentRule;
  /** What to do after the merge, where a file is made from others. */
  readonly hint?: string | undefined;
}

/** The file with rules, in a tree's root. */
export const ATTRIBUTES_FILE = ".varveattributes" as ByteString;

/** Rules that hold in every tree, weaker than any of the file. Files that programs make from others can't be merged, and need not be. */
const BUILT_IN: readonly (readonly [pattern: string, rule: ContentRule, hint?: string])[] = [
  ["/etc/passwd", "passwd"],
  ["/etc/passwd-", "passwd"],
  ["/etc/group", "group"],
  ["/etc/group-", "group"],
  ["/etc/shadow", "shadow"],
  ["/etc/shadow-", "shadow"],
  ["/etc/gshadow", "gshadow"],
  ["/etc/gshadow-", "gshadow"],
  ["/etc/subuid", "subid"],
  ["/etc/subgid", "subid"],
  ["/var/lib/dpkg/status", "dpkg"],
  ["/var/lib/dpkg/status-old", "dpkg"],
  ["/lib/apk/db/installed", "apk"],
  ["/usr/lib/apk/db/installed", "apk"],
  ["/etc/ld.so.cache", "newer", "regenerate it with: ldconfig"],
  ["/var/cache/ldconfig/aux-cache", "newer", "regenerate it with: ldconfig"],
  ["/var/cache/man/**", "newer", "regenerate it with: mandb"],
  ["/var/cache/fontconfig/**", "newer", "regenerate it with: fc-cache"],
  ["/var/cache/apt/*.bin", "newer", "regenerate it with: apt-get update"],
  ["/usr/share/mime/mime.cache", "newer", "regenerate it with: update-mime-database /usr/share/mime"],
  ["/usr/share/glib-2.0/schemas/gschemas.compiled", "newer", "regenerate it with: glib-compile-schemas"],
  ["/usr/lib/locale/locale-archive", "newer", "regenerate it with: locale-gen"],
  ["*.pyc", "newer"],
];

const LARGEST_FILE = 1 << 20;

interface Line {
  readonly pattern: IgnorePattern;
  readonly rule: ContentRule;
  readonly hint?: string | undefined;
}

/** Which rule a path has: the last line that matches it. */
export class MergeRules {
  readonly #lines: readonly Line[];
  /** What of the file was passed over, for people. */
  readonly complaints: readonly string[];

  private constructor(lines: readonly Line[], complaints: readonly string[]) {
    this.#lines = lines;
    this.complaints = complaints;
  }

  /** @param trees The first that has a `.varveattributes` gives the rules. @throws VarveError UNSUPPORTED for a line of more than 4,096 bytes. */
  static of(...trees: readonly Tree[]): MergeRules {
    const lines = BUILT_IN.flatMap(([text, rule, hint]) => lineOf(text as ByteString, rule, hint));
    const complaints: string[] = [];
    for (const tree of trees) {
      const node = nodeAt(tree, ATTRIBUTES_FILE);
      if (node === undefined || !("content" in node)) continue;
      if (node.content.size > LARGEST_FILE) complaints.push(`it has more than ${LARGEST_FILE} bytes, and was not read`);
      else lines.push(...parse(bytesOfContent(node.content).toString("latin1") as ByteString, complaints));
      break;
    }
    return new MergeRules(lines, complaints);
  }

  /** @returns `undefined`: text is merged by lines, anything else is a conflict. */
  ruleOf(path: ByteString): FoundRule | undefined {
    const name = path.slice(path.lastIndexOf("/") + 1) as ByteString;
    return this.#lines.findLast(({ pattern }) => pattern.matches(path, name, false));
  }
}

/** As `.gitattributes`: a pattern, then `merge=RULE` among what else may stand there. */
function parse(content: ByteString, complaints: string[]): Line[] {
  return content.split("\n").flatMap((line, index) => {
    const [pattern = "", ...words] = line.trim().split(/[ \t\r]+/);
    if (pattern === "" || pattern.startsWith("#")) return [];
    const where = `line ${index + 1}`;
    if (pattern.startsWith("!")) {
      complaints.push(`${where}: a pattern can't begin with "!"`);
      return [];
    }
    return words.flatMap((word) => {
      const name = { binary: "binary", "-merge": "binary", merge: "text" }[word] ?? /^merge=(.*)$/.exec(word)?.[1];
      if (name === undefined) return [];
      const rule = CONTENT_RULES.find((each) => each === name);
      if (rule !== undefined) return lineOf(pattern as ByteString, rule);
      complaints.push(`${where}: no rule "${textOf(name as ByteString)}", wanted one of ${CONTENT_RULES.join(", ")}`);
      return [];
    });
  });
}

function lineOf(text: ByteString, rule: ContentRule, hint?: string): Line[] {
  const pattern = parseIgnorePattern(text);
  return pattern === undefined ? [] : [{ pattern, rule, hint }];
}
