import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3 4; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first
  echo "theirs 1" > etc/f1; echo "theirs 2" > etc/f2; echo new > etc/new; rm etc/f4; varve -q commit -m theirs; varve -q branch topic; varve -q rollback HEAD~1
  echo "ours 3" > etc/f3; varve -q commit -m ours; varve -q tag ours
  echo "ours 1" > etc/f1; varve -q commit -m conflicting`;
/** Of everything but the store, and the root's own time, which the store's folder shares. */
const WITNESS = `find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@ %n\\n' | sort; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; varve status --json`;

for (const [what, prepare, isConflicted] of [
  ["a merge", "varve -q rollback ours", false],
  ["a merge with conflicts", ":", true],
] as const) {
  testIf("strace")(
    `${what} killed at any move is brought to its end by the next command, or was none; undone all is back`,
    (t) => {
      const home = temporaryDirectory(t);
      const env = environmentWithVarve(home);
      const sh = (cwd: string, script: string): string => execFileSync("sh", ["-ec", script], { cwd, env, encoding: "utf8" });
      const original = path.join(home, "original");
      mkdirSync(original);
      sh(original, `${MAKE}; ${prepare}`);
      const before = sh(original, WITNESS);
      const copy = (name: string): string => {
        const directory = path.join(home, name);
        execFileSync("cp", ["-a", original, directory]);
        return directory;
      };
      const undisturbed = copy("undisturbed");
      sh(undisturbed, `varve -q merge topic ${isConflicted ? "> ../conflicts && exit 1 || test $? = 1" : ""}`);
      const wanted = withoutIds(sh(undisturbed, WITNESS));

      let finished = 0;
      // Those of the store, then those of the tree: strace(1) counts each call by itself.
      for (const call of ["rename", "renameat"]) {
        for (let move = 1; ; move += 1) {
          const directory = copy(`killed-${call}-${move}`);
          const words = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${move}`];
          const killed = spawnSync("strace", [...words, process.execPath, BUILT_COMMAND, "-q", "merge", "topic"], {
            cwd: directory,
            env,
          });
          if (killed.signal === null) break;
          // Any command that changes something.
          sh(directory, "varve -q tag after");
          const found = sh(directory, WITNESS);
          if (found !== before) {
            finished += 1;
            t.is(withoutIds(found), wanted, `${call} ${move}, finished`);
            sh(directory, "varve -q undo; varve -q undo");
            t.is(sh(directory, WITNESS), before, `${call} ${move}, undone`);
          } else t.is(call, "rename");
          t.deepEqual(readdirSync(path.join(directory, ".varve/scratch")), []);
        }
      }
      t.true(finished >= 5, `${finished} finished`);
    },
  );
}

/** Merge commits are made at different times. */
function withoutIds(text: string): string {
  return text.replace(/"commit":"[0-9a-f]{40}"/, "");
}
