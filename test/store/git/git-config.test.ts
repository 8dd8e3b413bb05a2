import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { parseGitConfig } from "../../../store/git/git-config.js";
import { temporaryDirectory } from "../../helpers/temporary-store.js";

const files: readonly (readonly [why: string, text: string])[] = [
  ["plain values", "[user]\n\tname = Ada Lovelace\n\temail=ada@example.org\n"],
  ["capitals in section and key", "[USER]\nNAME = Ada\n"],
  ["comments and blanks", "# first\n[user] ; second\n  name =   Ada  B  # third\n\n;\n email = a ; b\n"],
  ["quotes that keep blanks and comment signs", '[user]\nname = "  Ada # B; "  \nemail = a" b "c\n'],
  ["escapes", '[user]\nname = "a\\"b\\\\c\\td"\nemail = a\\\\b\n'],
  ["a value that goes on in the next line", "[user]\nname = Ada \\\n  Lovelace\n"],
  [
    "several sections, the last value counts",
    '[core]\nbare = true\n[user]\nname = A\n[remote "x y"]\nurl = u\n[user]\nname = B\n',
  ],
  ["a key behind its section", "[user] name = Ada\n"],
  ["Windows line ends", "[user]\r\nname = Ada\r\n"],
  ["a key without a value", "[user]\nname = Ada\nuseConfigOnly\n"],
];

for (const [why, text] of files) {
  test(`parseGitConfig() reads ${why} as git does`, (t) => {
    const file = path.join(temporaryDirectory(t), "config");
    writeFileSync(file, text);
    const known = parseGitConfig(text);
    for (const key of ["user.name", "user.email", "core.bare", "remote.x y.url"]) {
      t.is(known.get(key) ?? "(none)", git(file, key), key);
    }
  });
}

test("parseGitConfig() passes over what is no setting, and takes text without end", (t) => {
  t.deepEqual([...parseGitConfig('\ufeff[user\nx y z\n= a\n[user]\nname = "open\n]\n[\n')], [["user.name", "open"]]);
});

function git(file: string, key: string): string {
  try {
    return execFileSync("git", ["config", "--file", file, "--get", key], { encoding: "utf8" }).replace(/\n$/, "");
  } catch {
    return "(none)";
  }
}
