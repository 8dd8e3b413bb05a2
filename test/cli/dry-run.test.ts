import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "ava";
import { misfits, type Shape } from "../helpers/json-shape.js";
import { environmentWithVarve, varve } from "./built-command.js";

/** A history with a side branch, an undo that can be redone, a stash, and something that is not committed. */
const MAKE = `
  mkdir etc; echo 1 > etc/a; echo 1 > etc/b; varve -q init; varve -q commit -m first; varve -q branch side
  echo 2 > etc/a; varve -q commit -m second; echo 3 > etc/a; ln etc/a etc/twin; varve -q commit -m third; varve -q tag v1
  varve -q switch side; echo side > etc/b; varve -q commit -m aside; echo more > etc/c; varve -q commit -m "aside, too"
  varve -q switch main; echo stashed > etc/d; varve -q stash; varve -q rollback HEAD~1; varve -q undo
  echo edited > etc/b; echo new > new`;

/** Names, modes, times and contents of the tree; names, modes and contents of the store: git's objects and the operation log among them. */
const WITNESS = `
  find . -path ./.varve -prune -o -printf '%p %y %m %s %T@ %i %n %l\\n' | sort
  find .varve -printf '%p %y %m %s %n %l\\n' | sort
  find . -type f -print0 | sort -z | xargs -0 sha256sum`;

const COMMIT = /^[0-9a-f]{40}$/;
const OPERATION = { id: /^[0-9a-f]{12}$/, time: "string", command: "string" };
const CHANGES: Shape = [{ path: /^\//, status: /^[AMDTR]$/, reasons: ["string"] }];
const PLAN: Readonly<Record<string, Shape>> = {
  dryRun: "boolean",
  refs: [{ name: /^refs\//, before: { any: [COMMIT, null] }, after: { any: [COMMIT, null] } }],
  head: { any: [{ before: "string", after: "string" }, null] },
  trees: [{ kind: /^directory$/, container: null, before: COMMIT, after: COMMIT, saves: "boolean", changes: CHANGES }],
  branches: ["object"],
  names: ["object"],
  limits: ["object"],
  upstreams: ["object"],
  progress: ["object"],
};
const STASHED: Shape = { dryRun: "boolean", changes: CHANGES };
const DROPPED: Shape = [{ name: "string", commit: COMMIT, base: COMMIT, time: "string", message: "string" }];
const MOVED = { branch: "string", before: COMMIT, after: COMMIT, saved: null, changes: "number", dryRun: "boolean" };
const SQUASHED: Shape = {
  ...{ branch: "string", before: COMMIT, dryRun: "boolean", commits: [COMMIT], message: "string", replayed: "number" },
  left: [{ ref: /^refs\//, commit: COMMIT }],
};

// Nothing changes it, so that all share it.
const home = mkdtempSync(path.join(tmpdir(), "varve-dry-run-"));
const cwd = path.join(home, "tracked");

function sh(directory: string, script: string): string {
  return execFileSync("sh", ["-ec", script], { cwd: directory, env: environmentWithVarve(home), encoding: "utf8" });
}

test.before(() => {
  sh(home, `mkdir tracked; cd tracked; ${MAKE}; varve -q status > /dev/null`);
});

test.after.always(() => rmSync(home, { recursive: true, force: true }));

for (const { words, shows, shape } of [
  { words: ["undo", "-n"], shape: { undone: OPERATION, ...PLAN }, shows: /would be saved first/ },
  { words: ["redo", "-n"], shape: { undone: OPERATION, ...PLAN }, shows: /Would redo: rollback/ },
  { words: ["op", "restore", "--dry-run", "@{4}"], shape: { to: OPERATION, ...PLAN }, shows: /Would restore/ },
  { words: ["squash", "--dry-run", "-n", "2"], shape: SQUASHED, shows: /2 commits of main would become one/ },
  { words: ["stash", "-n"], shape: STASHED, shows: /would be stashed/ },
  { words: ["stash", "pop", "-n"], shape: STASHED, shows: /would change/ },
  { words: ["stash", "apply", "-n"], shape: STASHED, shows: /would change/ },
  { words: ["stash", "drop", "-n"], shape: DROPPED, shows: /Would drop/ },
  { words: ["stash", "clear", "-n"], shape: DROPPED, shows: /Would drop/ },
  { words: ["rollback", "-n", "HEAD~1"], shape: { ...MOVED, paths: CHANGES }, shows: /nothing was done/ },
  {
    words: ["checkout", "-n", "main", "copy"],
    shape: { commit: COMMIT, directory: "string", dryRun: "boolean", paths: CHANGES },
    shows: /nothing was done/,
  },
]) {
  test.serial(`varve ${words.join(" ")} changes no byte of the store and of the tree`, (t) => {
    const before = sh(cwd, WITNESS);
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr, status } = varve([...words, ...json], { cwd, home });
      t.is(status, 0, stderr);
      if (json.length === 0) t.regex(stderr, shows);
      else t.deepEqual(misfits(JSON.parse(stdout), shape), []);
      t.is(sh(cwd, WITNESS), before);
    }
  });
}
