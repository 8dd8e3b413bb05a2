import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { tryLock } from "../../linux/lock.js";
import { testIf } from "../helpers/requirements.js";
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

test("export -o FILE writes through no link that somebody put beside it", (t) => {
  const { cwd, home } = tracked(t);
  const victim = path.join(home, "victim");
  writeFileSync(victim, "precious");
  // The process that follows has this one's id.
  const plant = 'ln -s "$0" "../out.varve-$$" && exec "$@"';
  const command = [process.execPath, BUILT_COMMAND, "export", "HEAD", "-o", "../out"];
  const { status } = spawnSync("sh", ["-c", plant, victim, ...command], { cwd, env: environmentWithVarve(home) });
  t.is(status, 0);
  t.is(readFileSync(victim, "utf8"), "precious");
  t.true(statSync(path.join(home, "out")).size > 1000);
});

test("what a killed command left beside its file goes with the next one to that file, and nothing else does", (t) => {
  const { cwd, home } = tracked(t);
  const leave = (name: string, file: string): string => {
    const folder = path.join(home, name);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(path.join(folder, file), "x");
    return folder;
  };
  const dead = leave("out.varve-abc123", "whole");
  const kept = [leave("out.varve-abc124", "mine"), leave("out2.varve-abc123", "whole"), leave("out.varve-abc1234", "whole")];
  const open = openSync(leave("out.varve-abc125", "whole"), "r");
  t.teardown(() => closeSync(open));
  t.true(tryLock(open, "exclusive"));
  t.is(varve(["export", "HEAD", "-o", "../out"], { cwd, home }).status, 0);
  t.false(existsSync(dead));
  for (const folder of kept) t.is(readdirSync(folder).length, 1, folder);
  t.deepEqual(readdirSync(path.join(home, "out.varve-abc125")), ["whole"]);
});

test("an archive that is larger than a file may be is told with its name, and leaves nothing", (t) => {
  const { cwd, home } = tracked(t);
  writeFileSync(path.join(cwd, "large"), Buffer.alloc(3 << 20, "x"));
  t.is(varve(["commit", "-m", "large"], { cwd, home }).status, 0);
  const before = readdirSync(home);
  const command = [process.execPath, BUILT_COMMAND, "export", "HEAD", "-o", "../out"];
  const limited = ["-c", 'ulimit -f 2000 && exec "$@"', "sh", ...command];
  const { status, stderr } = spawnSync("sh", limited, { cwd, env: environmentWithVarve(home), encoding: "utf8" });
  t.is(status, 52);
  t.regex(stderr, /^varve: error: Cannot write "\.\.\/out": it is larger than a file may be here\nvarve: path: .*\/out\n/);
  t.deepEqual(readdirSync(home), before);
});

testIf("root", "mke2fs")(
  "with too few files that may be open nothing is a mistake of varve, nor one of the filesystem or a registry",
  (t) => {
    const { cwd, home } = tracked(t);
    t.is(varve(["save", "HEAD", "-o", "../image.tar"], { cwd, home }).status, 0);
    const commands = [
      ["export", "HEAD", "--format", "ext4", "-o", "../out"],
      ["load", "../image.tar"],
      ["pull", "127.0.0.1:1/a/b"],
    ];
    const texts = commands.map((words) => {
      const ends: string[] = [];
      for (let files = 18; files <= 32; files += 1) {
        const limited = ["-c", `ulimit -n ${files} && exec "$@"`, "sh", process.execPath, BUILT_COMMAND, ...words];
        ends.push(spawnSync("sh", limited, { cwd, env: environmentWithVarve(home), encoding: "utf8" }).stderr);
      }
      return ends.join("");
    });
    for (const text of texts) {
      t.notRegex(text, /mistake in varve|flock|whether the registry runs\.\n.*EMFILE|: EMFILE\n/);
      t.regex(text, /EMFILE|too many open files/);
    }
  },
);
