import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { RefName } from "../../../core/model/ids.js";
import { readUpstream, withUpstream, writeUpstream } from "../../../store/git/branch-config.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const MAIN = "refs/heads/main" as RefName;
const OTHERS =
  '# a remark\n[core]\n\tbare = true\n[branch "a"]\n\tremote = origin # far\n\tmerge = refs/heads/b\n\trebase = true\n';

const CASES: readonly (readonly [what: string, text: string, branch: string, upstream: string | undefined, wanted: string])[] = [
  ["a new section", "[core]\n", "x", "refs/heads/main", '[core]\n[branch "x"]\n\tremote = .\n\tmerge = refs/heads/main\n'],
  ["an empty file", "", "x", "refs/heads/main", '[branch "x"]\n\tremote = .\n\tmerge = refs/heads/main\n'],
  ["a remote's branch", "", "x", "refs/remotes/o/a/b", '[branch "x"]\n\tremote = o\n\tmerge = refs/heads/a/b\n'],
  ["other settings stay", OTHERS, "a", undefined, '# a remark\n[core]\n\tbare = true\n[branch "a"]\n\trebase = true\n'],
  ["a section that is empty goes", '[branch "x"]\n\tremote = .\n\tmerge = refs/heads/main\n[core]\n', "x", undefined, "[core]\n"],
  ["no last line end", "[core]", "x", "refs/heads/m", '[core]\n[branch "x"]\n\tremote = .\n\tmerge = refs/heads/m\n'],
];

for (const [what, text, branch, upstream, wanted] of CASES) {
  test(`withUpstream(): ${what}`, (t) => {
    t.is(withUpstream(text, branch, upstream as RefName | undefined), wanted);
  });
}

test("what writeUpstream() writes git reads, and what git writes readUpstream() reads", async (t) => {
  const layout = temporaryStore(t);
  const env = hermeticEnvironment("/nonexistent");
  const git = (...words: string[]): string => execFileSync("git", words, { cwd: layout.git, env, encoding: "utf8" }).trim();
  appendFileSync(path.join(layout.git, "config"), OTHERS);
  for (const name of ["main", "a.b/c", 'quo"te', "ünï"]) {
    const branch = `refs/heads/${name}` as RefName;
    await writeUpstream(layout, branch, MAIN);
    t.is(git("config", `branch.${name}.merge`), MAIN);
    t.is(git("config", `branch.${name}.remote`), ".");
    t.is(readUpstream(layout.git, branch), MAIN);
    git("config", `branch.${name}.merge`, "refs/heads/other");
    t.is<string | undefined, string>(readUpstream(layout.git, branch), "refs/heads/other");
    await writeUpstream(layout, branch, undefined);
    t.is(readUpstream(layout.git, branch), undefined);
  }
  t.true(readFileSync(path.join(layout.git, "config"), "utf8").includes(OTHERS));
  t.is<string | undefined, string>(readUpstream(layout.git, "refs/heads/a" as RefName), "refs/remotes/origin/b");
});
