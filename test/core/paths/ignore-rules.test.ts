import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import type { ByteString } from "../../../core/model/byte-string.js";
import { parseIgnoreFile, parseIgnorePattern } from "../../../core/paths/ignore-pattern.js";
import { IgnoreRules } from "../../../core/paths/ignore-rules.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

/** What the rules of a root's file say of a path, its directories asked first, as a scan does. */
function isIgnored(rules: IgnoreRules, file: string): boolean {
  const names = file.split("/");
  return names.some((name, index) => {
    const directory = names.slice(0, index).join("/") as ByteString;
    return rules.verdict(directory, name as ByteString, index < names.length - 1) !== undefined;
  });
}

function rulesOf(content: string): IgnoreRules {
  return IgnoreRules.of([]).within("" as ByteString, Buffer.from(content).toString("latin1") as ByteString);
}

const CASES: readonly (readonly [content: string, ignored: readonly string[], kept: readonly string[]])[] = [
  ["*.o", ["a.o", "d/b.o"], ["a.c", "o"]],
  ["/a", ["a", "a/b"], ["d/a"]],
  ["d/a", ["d/a"], ["e/d/a"]],
  ["b/", ["b/x", "d/b/x"], ["b", "d/b"]],
  ["**/a", ["a", "d/a", "d/e/a"], ["ab"]],
  ["a/**", ["a/b", "a/b/c"], ["a", "d/a/b"]],
  ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["b", "a/bc"]],
  ["*.log\n!keep.log", ["x.log"], ["keep.log", "d/keep.log"]],
  ["d/*\n!d/keep", ["d/x"], ["d/keep"]],
  ["d\n!d/keep", ["d/x", "d/keep"], []],
  ["# a\n\\#b", ["#b"], ["# a", "a"]],
  ["\\!a", ["!a"], ["a"]],
  ["a  ", ["a"], ["a  "]],
  ["a\\ ", ["a "], ["a"]],
  ["a\\*", ["a*"], ["ab"]],
  ["[a-c]x", ["ax", "cx"], ["dx", "-x"]],
  ["[!a-c]x", ["dx"], ["ax"]],
  ["[]-]x", ["]x", "-x"], ["ax"]],
  ["[[:digit:]]", ["1"], ["a", ":"]],
  ["[a", [], ["a", "[a"]],
  ["a\\", [], ["a", "a\\"]],
  ["?", ["a"], ["ab"]],
  ["a\r\nb", ["a", "b"], ["a\r"]],
  ["*.o\r", ["a.o"], ["a.o\r"]],
  ["\ufeffa", ["a"], []],
  ["/", [], ["a"]],
  ["*/", ["d/a"], ["a"]],
  ["d/**/", ["d/e/a"], ["d/a"]],
];

for (const [content, ignored, kept] of CASES) {
  test(`the rules ${JSON.stringify(content)} ignore ${ignored.join(" ") || "nothing"}, not ${kept.join(" ")}, as git's do`, (t) => {
    const rules = rulesOf(content);
    const files = [...ignored, ...kept];
    t.deepEqual(
      files.filter((file) => isIgnored(rules, file)),
      ignored,
    );
    t.deepEqual(ignoredByGit(temporaryDirectory(t), content, files), new Set(ignored));
  });
}

/** What git(1) itself says of paths, of which none need exist; but a path alone does not tell a directory. */
function ignoredByGit(directory: string, content: string, files: readonly string[]): Set<string> {
  const env = hermeticEnvironment(directory);
  const git = (words: readonly string[], input = ""): string => {
    try {
      return execFileSync("git", words, { cwd: directory, env, input: Buffer.from(input, "latin1"), stdio: "pipe" }).toString(
        "latin1",
      );
    } catch (error) {
      // 1 says that none of them is.
      if ((error as { status?: number }).status === 1) return "";
      throw error;
    }
  };
  mkdirSync(directory, { recursive: true });
  git(["init", "--quiet"]);
  writeFileSync(path.join(directory, ".gitignore"), content);
  const latin1 = files.map((file) => Buffer.from(file).toString("latin1"));
  const said = git(["check-ignore", "--no-index", "-z", "--stdin"], latin1.map((file) => `${file}\0`).join(""));
  return new Set(
    said
      .split("\0")
      .slice(0, -1)
      .map((file) => Buffer.from(file, "latin1").toString()),
  );
}

test("IgnoreRules agrees with git(1), whatever the patterns and paths", (t) => {
  const directory = temporaryDirectory(t);
  const name = fc.string({ unit: fc.constantFrom("a", "b", "-", "]", "!", "é"), minLength: 1, maxLength: 3 });
  const file = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
  const piece = fc.constantFrom(
    "a",
    "b",
    "*",
    "?",
    "/",
    "**/",
    "/**/",
    "/**",
    "[ab]",
    "[!a]",
    "[a-",
    "-]",
    "\\",
    "!",
    " ",
    "é",
    "]",
  );
  const line = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
  const lines = fc.array(line.filter(isPlain), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(lines, fc.uniqueArray(file, { minLength: 1, maxLength: 12 }), (patterns, files) => {
      const content = patterns.join("\n");
      const rules = rulesOf(content);
      const ours = files.filter((each) => isIgnored(rules, Buffer.from(each).toString("latin1")));
      t.deepEqual(new Set(ours), ignoredByGit(directory, content, files), JSON.stringify({ content, files }));
    }),
    { numRuns: 150 },
  );
});

/** Where git's code does other than its manual says: `**` beside a name, and a slash in brackets. */
function isPlain(line: string): boolean {
  return !/[^/!]\*\*|\*\*[^/]|\[[^\]]*\/|\/\/|\\\/|^!?\/?\*\*\/?$/.test(line);
}

test("a pattern that would keep a regular expression busy for years takes no time", (t) => {
  const started = performance.now();
  const name = "a".repeat(255) as ByteString;
  const deep = Array.from({ length: 1000 }, () => "a").join("/") as ByteString;
  for (const pattern of [
    "*a".repeat(100) + "b",
    "**/a/".repeat(500) + "b",
    "[a-z]*".repeat(300) + "!",
    "a?*".repeat(60) + "/b",
  ]) {
    const parsed = parseIgnorePattern(pattern as ByteString);
    t.false(parsed?.matches(name, name, false));
    t.false(parsed?.matches(deep, "a" as ByteString, false));
  }
  t.true(performance.now() - started < 2000);
});

test("a pattern of more than 4,096 bytes is UNSUPPORTED", (t) => {
  t.throws(() => parseIgnoreFile(`a\n${"x".repeat(4097)}\n` as ByteString), { code: "UNSUPPORTED" });
  t.notThrows(() => parseIgnoreFile(`a\n${"x".repeat(4096)}\n` as ByteString));
});

test("patterns of the command line come before those of files", (t) => {
  const rules = IgnoreRules.of(["*.log" as ByteString, "!b.log" as ByteString]).within(
    "d" as ByteString,
    "!a.log\nb.log\nc" as ByteString,
  );
  const verdict = (name: string): unknown => rules.verdict("d" as ByteString, name as ByteString, false);
  t.deepEqual(["a.log", "b.log", "c", "e"].map(verdict), ["excluded", undefined, "ignored", undefined]);
});
