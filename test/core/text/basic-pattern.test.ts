import { spawnSync } from "node:child_process";
import test from "ava";
import { extendedOf, literalOf } from "../../../core/text/basic-pattern.js";
import { readMessagePattern } from "../../../core/text/message-pattern.js";

const LINES = [
  "a",
  "ab",
  "abb",
  "aa",
  "a+b",
  "a|b",
  "(ab)",
  "*a",
  "a*",
  "a{2}",
  "a.b",
  "x\\y",
  "[a]",
  "one two",
  "^a",
  "a$b",
  "a-z",
  "5",
];
const PATTERNS = [
  "a",
  "a*",
  "*a",
  "a\\|5",
  "a|b",
  "a\\+b",
  "a+b",
  "\\(ab\\)\\{1\\}",
  "(ab)",
  "a\\{2\\}",
  "a{2}",
  "^a$",
  "^*a",
].concat(["\\(*a\\)", "a\\.b", "a.b", "[a]b", "[]a]", "[^]a-z]", "[[:digit:]]", "[x\\]", "\\<two", "one\\>", "a\\?b"]);

async function fitting(expression: string): Promise<readonly string[]> {
  const fits = await readMessagePattern(expression);
  return typeof fits === "string" ? [fits] : LINES.filter((line) => fits(line));
}

function grepped(...options: readonly string[]): readonly string[] {
  const { stdout } = spawnSync("grep", [...options], { input: `${LINES.join("\n")}\n`, encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}

for (const pattern of PATTERNS) {
  test(`the basic expression ${pattern} fits what grep says`, async (t) => {
    t.deepEqual(await fitting(extendedOf(pattern)), grepped("-e", pattern));
  });
  test(`the text ${pattern} is found where grep -F finds it`, async (t) => {
    t.deepEqual(await fitting(literalOf(pattern)), grepped("-F", "-e", pattern));
  });
}

test("an expression that would take others years is tried before the test is given up", async (t) => {
  const fits = await readMessagePattern(extendedOf("\\(a*\\)*\\(a*\\)*$"));
  if (typeof fits === "string") return t.fail(fits);
  t.true(fits(`${"a".repeat(20_000)}b`));
});
