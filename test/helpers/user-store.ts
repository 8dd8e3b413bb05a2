import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { makeSmallRoot } from "../overlay/small-root.js";
import { asUser, giveTo, type OrdinaryUser } from "./ordinary-user.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface UserStore {
  readonly home: string;
  readonly store: string;
  /** A command line, and what is expected of it. */
  run(...words: string[]): SpawnSyncReturns<string>;
  ok(...words: string[]): string;
}

/** A store of a user, or of root, whose branch `base` holds a small root. @param owner Of all its files, as tar takes it. */
export function userStore(t: ExecutionContext, user: OrdinaryUser | undefined, owner = "0"): UserStore {
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  const env = environmentWithVarve(home);
  makeSmallRoot(path.join(home, "root"));
  const tar = ["--sort=name", "--mtime=@1000000000", `--owner=${owner}`, `--group=${owner}`, "-cf", "root.tar"];
  t.is(spawnSync("tar", [...tar, "-C", "root", "."], { cwd: home }).status, 0);
  if (user !== undefined) giveTo(user, home);
  const [program, ...before] = [...(user === undefined ? [] : asUser(user)), process.execPath, BUILT_COMMAND];
  const run = (...words: string[]): SpawnSyncReturns<string> =>
    spawnSync(program!, [...before, "--store", store, ...words], { cwd: home, env, encoding: "utf8", timeout: 60_000 });
  return { home, store, run, ok: importedBase(t, run) };
}

/**
 * Imports `root.tar` as the branch `base`; no container stays at the end of the test.
 * @returns Calls a command that has to succeed, and gives what it prints.
 */
export function importedBase(t: ExecutionContext, run: UserStore["run"]): UserStore["ok"] {
  const ok = (...words: string[]): string => {
    const { status, stdout, stderr } = run(...words);
    t.is(status, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  ok("import", "root.tar", "-b", "base", "-m", "base");
  t.teardown(() => {
    for (const { name } of JSON.parse(run("--json", "ps", "-a").stdout) as { name: string }[]) run("rm", "-f", "--forget", name);
  });
  return ok;
}
