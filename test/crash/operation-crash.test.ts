import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const MAKE = `
  mkdir -p etc/deep; for n in 1 2 3; do echo "first $n" > etc/f$n; done; ln etc/f1 etc/deep/twin; varve -q init; varve -q commit -m first; varve -q branch first
  for n in 1 2 3; do echo "second $n" > etc/f$n; done; rm -r etc/deep; mkdir -p new/below; echo x > new/below/x; varve -q commit -m second
  echo stashed > etc/dirty; varve -q stash; chmod 600 etc/f3; echo dirty > new/dirty`;
/** Of everything but the store, and the root's own time, which the store's folder shares. */
const WITNESS = `find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@ %n\\n' | sort; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`;
/** What branches, tags, HEAD and stashes are. */
const REFS = `git --git-dir=.varve/git symbolic-ref HEAD; git --git-dir=.varve/git for-each-ref --format='%(refname) %(objectname)' refs/heads refs/tags refs/varve/stash`;

/** Each is killed at its renames and syncs, at every third of them. */
const COMMANDS: readonly (readonly [words: readonly string[], before: string])[] = [
  [["switch", "first"], ""],
  [["rollback", "first"], ""],
  [["undo"], "varve -q rollback first"],
  [["redo"], "varve -q rollback first; varve -q undo"],
  [["op", "restore", "@{1}"], "varve -q switch first"],
  [["stash", "push"], ""],
  [["stash", "pop"], ""],
  [["branch", "-m", "main", "trunk"], ""],
];
/** Of the first calls each is tried: some commands make but six, or fourteen. */
const [EACH, STRIDE] = [16, 3];
const CALLS = "renameat,renameat2,rename,fsync";

for (const [words, before] of COMMANDS) {
  testIf("strace")(
    `varve ${words.join(" ")}, killed anywhere, is brought to its end or was never begun: the next command sees to it`,
    (t) => {
      const home = temporaryDirectory(t);
      const env = { ...environmentWithVarve(home), SOURCE_DATE_EPOCH: "1000000000" };
      const sh = (cwd: string, script: string): string =>
        execFileSync("sh", ["-ec", script], { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      const original = path.join(home, "original");
      mkdirSync(original);
      sh(original, `${MAKE}; ${before}`);
      const copy = (name: string): string => {
        const directory = path.join(home, name);
        execFileSync("cp", ["-a", original, directory]);
        return directory;
      };
      const look = (directory: string): string => sh(directory, `${WITNESS}; ${REFS}`);
      const untouched = look(original);
      const undisturbed = copy("undisturbed");
      sh(undisturbed, `varve -q ${words.map((word) => `'${word}'`).join(" ")}`);
      const done = look(undisturbed);
      t.not(done, untouched);

      const ends = new Set<string>();
      for (let call = 1; ; call += call < EACH ? 1 : STRIDE) {
        const directory = copy("killed");
        const inject = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${CALLS}`, "-e", `inject=${CALLS}:signal=KILL:when=${call}`];
        const { signal } = spawnSync("strace", [...inject, process.execPath, BUILT_COMMAND, "-q", ...words], {
          cwd: directory,
          env,
        });
        if (signal === null) break;
        // Any command: one that looks finds all as it was, or as it is to be.
        sh(directory, "varve -q status");
        const seen = look(directory);
        t.false(existsSync(path.join(directory, ".varve/operations/unsettled")), `call ${call}`);
        const isLogged = sh(directory, "varve op log -1").includes(words.join(" "));
        if (seen === untouched) ends.add("as before");
        else if (seen === done) ends.add("as after");
        // The refs moved, and it was killed before this was logged: the tree is untouched, and the reflog tells.
        else t.false(isLogged, `call ${call}: logged, and half-way\n${seen}\n${done}`);
        t.is(sh(directory, WITNESS), isLogged ? sh(undisturbed, WITNESS) : sh(original, WITNESS), `call ${call}`);
        t.regex(sh(directory, "varve fsck"), /^Sound/);
        if (isLogged) {
          sh(directory, "varve -q undo @");
          t.is(look(directory), untouched, `call ${call}, undone`);
        }
        execFileSync("rm", ["-rf", directory]);
      }
      t.true(ends.has("as before") && ends.has("as after"), [...ends].join());
    },
  );
}

testIf("strace")("what somebody has worked on since a kill is left alone, and the way out is told", (t) => {
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const cwd = path.join(home, "here");
  mkdirSync(cwd);
  const sh = (script: string): string => execFileSync("sh", ["-ec", script], { cwd, env, encoding: "utf8" });
  sh(MAKE);
  const dirty = sh(WITNESS);
  const inject = [
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    "trace=renameat2,renameat",
    "-e",
    "inject=renameat2,renameat:signal=KILL:when=2",
  ];
  spawnSync("strace", [...inject, process.execPath, BUILT_COMMAND, "-q", "rollback", "first"], { cwd, env });
  t.true(existsSync(path.join(cwd, ".varve/operations/unsettled")));
  sh("echo 'worked on' > etc/f2");
  const told = spawnSync("sh", ["-c", "varve -q status"], { cwd, env, encoding: "utf8" });
  t.regex(
    told.stderr,
    /warning: did not finish "rollback first".*files were changed since. Take it back: varve undo [0-9a-f]{12}/,
  );
  t.is(sh("cat etc/f2"), "worked on\n");
  sh("varve -q undo");
  t.is(sh(WITNESS), dirty);
  t.regex(sh("varve -q op log -1 --json"), /"kind":"undo"/);
  sh("varve -q redo");
  t.is(sh("cat etc/f2"), "worked on\n", "undo saved it first, and redo brings it back");
});
