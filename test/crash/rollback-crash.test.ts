import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3 4; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first; varve -q tag first
  for n in 1 2 3 4; do echo "second $n" > etc/f$n; done; rm -r etc/deep; mkdir -p new/below; echo x > new/below/x; varve -q commit -m second
  echo dirty > etc/dirty; chmod 600 etc/f4`;
/** Of everything but the store, and the root's own time, which the store's folder shares. */
const WITNESS = `find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@ %n\\n' | sort; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`;

testIf("strace")(
  "rollback killed at any move leaves nothing of its own in the tree; repeated it is whole, undone all is back",
  (t) => {
    const home = temporaryDirectory(t);
    const env = environmentWithVarve(home);
    const sh = (cwd: string, script: string): string => execFileSync("sh", ["-ec", script], { cwd, env, encoding: "utf8" });
    const original = path.join(home, "original");
    mkdirSync(original);
    sh(original, MAKE);
    const dirty = sh(original, WITNESS);
    const copy = (name: string): string => {
      const directory = path.join(home, name);
      execFileSync("cp", ["-a", original, directory]);
      return directory;
    };
    const undisturbed = copy("undisturbed");
    sh(undisturbed, "varve -q rollback first");
    const rolledBack = sh(undisturbed, WITNESS);

    let kills = 0;
    for (let move = 1; ; move += 1) {
      const directory = copy(`killed-${move}`);
      const words = [
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=renameat,renameat2",
        "-e",
        `inject=renameat,renameat2:signal=KILL:when=${move}`,
      ];
      const { signal } = spawnSync("strace", [...words, process.execPath, BUILT_COMMAND, "-q", "rollback", "first"], {
        cwd: directory,
        env,
      });
      if (signal === null) break;
      kills += 1;
      t.is(sh(directory, "find . -name '.varve-*' -not -path './.varve/*'"), "", `move ${move}`);
      const again = path.join(home, `again-${move}`);
      execFileSync("cp", ["-a", directory, again]);
      // HEAD has moved already: the log of the operation comes before the tree changes.
      sh(again, "varve -q rollback first");
      t.is(sh(again, WITNESS), rolledBack, `move ${move}, repeated`);
      sh(directory, "varve -q undo");
      t.is(sh(directory, WITNESS), dirty, `move ${move}, undone`);
      t.deepEqual(readdirSync(path.join(directory, ".varve/scratch")), []);
    }
    t.true(kills >= 4, `${kills} moves`);
  },
);
