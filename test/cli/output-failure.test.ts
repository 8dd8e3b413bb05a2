import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

/** A tracked directory with one commit. */
function tracked(t: ExecutionContext): { readonly cwd: string; readonly home: string } {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "tree");
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, "a"), "a");
  for (const words of [["init"], ["commit", "-m", "first"]]) t.is(varve(words, { cwd, home }).status, 0);
  return { cwd, home };
}

test("a full disk below stdout is told as that", (t) => {
  const { cwd, home } = tracked(t);
  const full = openSync("/dev/full", "w");
  try {
    const { status, stderr } = spawnSync(process.execPath, [BUILT_COMMAND, "log"], {
      cwd,
      env: environmentWithVarve(home),
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    t.is(status, 51);
    t.regex(stderr, /^varve: error: Cannot write to stdout: no space left on the device\n/);
  } finally {
    closeSync(full);
  }
});

test("export -o DIRECTORY is refused by its name, and leaves nothing there", (t) => {
  const { cwd, home } = tracked(t);
  mkdirSync(path.join(home, "out"));
  const { status, stderr } = varve(["export", "HEAD", "-o", "../out"], { cwd, home });
  t.is(status, 23);
  t.regex(stderr, /^varve: error: Cannot write "\.\.\/out": it is a directory, wanted a file\n/);
  t.deepEqual(readdirSync(path.join(home, "out")), []);
});
