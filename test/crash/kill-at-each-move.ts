import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

/** Of everything but the store, and the root's own time, which the store's folder shares. */
const WITNESS = `find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@ %n\\n' | sort; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; varve status --json; varve log --oneline`;
/** A command that changes something, and so brings to its end what was left half-way. */
const NEXT = "varve -q tag after";

const MOVES = ["rename", "renameat"];

export interface KilledCommand {
  /** A shell script that makes a tracked directory in an empty one. */
  readonly make: string;
  /** What is killed: words behind `varve`. */
  readonly words: readonly string[];
  /** Its exit status when nobody kills it. */
  readonly status: number;
  /** The system calls at which it is killed. */
  readonly calls?: readonly string[];
}

export interface Kills {
  readonly kills: number;
  /** After so many of them the next command brought it to its end; after the others nothing had happened. */
  readonly finished: number;
}

/**
 * Kills a command at each rename(2) of the store and each renameat(2) of the tree. The next command must find all as before, or bring it to
 * the end that it has undisturbed; then `undo` must give back what was, and nothing may be left in scratch/.
 */
export function killAtEachMove(t: ExecutionContext, { make, words, status, calls = MOVES }: KilledCommand): Kills {
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const sh = (cwd: string, script: string): string => execFileSync("sh", ["-ec", script], { cwd, env, encoding: "utf8" });
  const original = path.join(home, "original");
  mkdirSync(original);
  sh(original, make);
  const before = sh(original, WITNESS);
  const copy = (name: string): string => {
    const directory = path.join(home, name);
    execFileSync("cp", ["-a", original, directory]);
    return directory;
  };
  const call = [process.execPath, BUILT_COMMAND, "-q", ...words];
  const undisturbed = copy("undisturbed");
  t.is(spawnSync(call[0] ?? "", call.slice(1), { cwd: undisturbed, env }).status, status);
  const wanted = withoutIds(sh(undisturbed, WITNESS));
  t.not(wanted, withoutIds(before));

  let [kills, finished] = [0, 0];
  for (const move of calls) {
    // strace(1) counts each call by itself.
    for (let when = 1; ; when += 1) {
      const directory = copy(`killed-${move}-${when}`);
      const injection = ["-e", `trace=${move}`, "-e", `inject=${move}:signal=KILL:when=${when}`];
      const { signal } = spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", ...injection, ...call], { cwd: directory, env });
      if (signal === null) break;
      kills += 1;
      sh(directory, NEXT);
      const found = sh(directory, WITNESS).replace(", tag: after", "").replace(" (tag: after)", "");
      if (withoutIds(found) !== withoutIds(before)) {
        finished += 1;
        t.is(withoutIds(found), wanted, `${move} ${when}, finished`);
        sh(directory, "varve -q undo; varve -q undo");
        t.is(sh(directory, WITNESS), before, `${move} ${when}, undone`);
      } else t.not(move, "renameat", "nothing had happened, and yet the tree was touched");
      t.deepEqual(readdirSync(path.join(directory, ".varve/scratch")), []);
      rmSync(directory, { recursive: true });
    }
  }
  return { kills, finished };
}

/** Commits are made at different times. */
function withoutIds(text: string): string {
  return text.replaceAll(/"commit":"[0-9a-f]{40}"/g, "").replaceAll(/^[0-9a-f]{10} /gm, "");
}
