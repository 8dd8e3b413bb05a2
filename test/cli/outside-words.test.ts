// Words of varve diff that name directories, with a store and without one.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

const CHANGED = "M  /f  content\n";

/** A home with the directories `one` and `two`, where a file differs. */
function homeWithTwo(t: ExecutionContext): string {
  const home = temporaryDirectory(t);
  for (const [at, name] of ["one", "two"].entries()) {
    mkdirSync(path.join(home, name));
    writeFileSync(path.join(home, name, "f"), String(at));
  }
  return home;
}

testIf("no-shared-store")("diff of two directories needs no store, with ./ and without it", (t) => {
  const home = homeWithTwo(t);
  for (const words of [["one", "two"], ["./one", "./two"], ["one", "./two"], ["./one", "two"], ["one..two"]]) {
    const { status, stdout, stderr } = varve(["diff", "--semantic", ...words], { cwd: home, home });
    t.is(status, 0, stderr);
    t.is(stdout, CHANGED, words.join(" "));
  }
});

testIf("no-shared-store")("diff of what is not there, or of @, still asks for a store where there is none", (t) => {
  const home = homeWithTwo(t);
  mkdirSync(path.join(home, "@"));
  for (const words of [
    ["one", "none"],
    ["none", "one"],
    ["one", "@"],
  ])
    t.is(varve(["diff", ...words], { cwd: home, home }).status, 10, words.join(" "));
  // One that was named is meant.
  t.is(varve(["--store", "none", "diff", "one", "two"], { cwd: home, home }).status, 10);
});

testIf("root")("a word of diff is a revision before it is a directory", (t) => {
  const home = homeWithTwo(t);
  const run = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = varve(["--store", "store", ...words], { cwd: home, home });
    t.is(status, 0, stderr);
    return stdout;
  };
  run("import", "one", "-b", "base");
  t.is(run("diff", "--semantic", "one", "two"), CHANGED);
  run("branch", "two", "base");
  t.is(run("diff", "--semantic", "one", "two"), "");
  t.is(run("diff", "--semantic", "one", "./two"), CHANGED);
});
