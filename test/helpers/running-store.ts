import { execFileSync, type SpawnSyncReturns } from "node:child_process";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { environmentWithVarve, varve } from "../cli/built-command.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface RunningStore {
  readonly home: string;
  readonly store: string;
  /** Calls the built command on the store, with `home` as its directory. */
  run(...words: string[]): SpawnSyncReturns<string>;
  /** What a command with --json prints, without the output of a process. */
  json(...words: string[]): unknown;
  /** The commit that a revision names. */
  commit(revision: string): string;
}

/** A shared store whose branch `base` holds a small root of this machine's own programs. */
export function runningStore(t: ExecutionContext): RunningStore {
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  const run = (...words: string[]) => varve(["--store", store, ...words], { cwd: home, home });
  const json = (...words: string[]): unknown => {
    const { stdout, stderr } = run("--json", ...words);
    const text = stdout.trimEnd();
    if (text === "") t.fail(stderr);
    // An array has a line for each element; a process's own output comes before an object.
    return JSON.parse(text.startsWith("[") ? text : (text.split("\n").at(-1) ?? ""));
  };
  const commit = (revision: string) => (json("show", revision) as { commit: string }).commit;
  execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
  t.is(run("import", "root", "-b", "base", "-m", "base").status, 0);
  return { home, store, run, json, commit };
}
