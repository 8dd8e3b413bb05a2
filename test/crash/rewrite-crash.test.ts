import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3 4; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first
  echo "theirs 1" > etc/f1; echo new > etc/new; rm etc/f4; varve -q commit -m theirs; varve -q tag theirs; varve -q rollback HEAD~1
  echo "ours 3" > etc/f3; varve -q commit -m one; echo "ours 5" > etc/f5; varve -q commit -m two; echo mine > mine; echo edited > etc/f2`;
/** Of everything but the store, and the root's own time, which the store's folder shares. */
const WITNESS = `find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@ %n\\n' | sort; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; varve status --json; varve log --oneline`;

const CASES: readonly { what: string; words: readonly string[]; prepare?: string; finishes: number }[] = [
  { what: "a rebase", words: ["rebase", "theirs"], finishes: 3 },
  { what: "a squash", words: ["squash", "-n", "2"], finishes: 0 },
  { what: "a forget-path", words: ["forget-path", "etc/f3", "--all"], prepare: "varve -q tag -d theirs", finishes: 0 },
];

for (const { what, words, prepare = ":", finishes } of CASES) {
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
      sh(undisturbed, `varve -q ${words.join(" ")} 2> ../said`);
      const wanted = sh(undisturbed, WITNESS);
      t.not(withoutIds(wanted), withoutIds(before));

      let finished = 0;
      // Those of the store, then those of the tree: strace(1) counts each call by itself.
      for (const call of ["rename", "renameat"]) {
        for (let move = 1; ; move += 1) {
          const directory = copy(`killed-${call}-${move}`);
          const injection = [
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            `trace=${call}`,
            "-e",
            `inject=${call}:signal=KILL:when=${move}`,
          ];
          const killed = spawnSync("strace", [...injection, process.execPath, BUILT_COMMAND, "-q", ...words], {
            cwd: directory,
            env,
          });
          if (killed.signal === null) break;
          // Any command that changes something.
          sh(directory, "varve -q tag after");
          const found = withoutTag(sh(directory, WITNESS));
          if (found !== before) {
            finished += 1;
            t.is(withoutIds(found), withoutIds(wanted), `${call} ${move}, finished`);
            sh(directory, "varve -q undo; varve -q undo");
            t.is(sh(directory, WITNESS), before, `${call} ${move}, undone`);
          }
          t.deepEqual(readdirSync(path.join(directory, ".varve/scratch")), []);
          execFileSync("rm", ["-rf", directory]);
        }
      }
      t.true(finished >= finishes, `${finished} finished`);
    },
  );
}

/** Commits are made at different times. */
function withoutIds(text: string): string {
  return text.replace(/"commit":"[0-9a-f]{40}"/, "").replaceAll(/^[0-9a-f]{10} /gm, "");
}

function withoutTag(text: string): string {
  return text.replace(", tag: after", "");
}
