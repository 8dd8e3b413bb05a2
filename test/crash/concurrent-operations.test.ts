import { execFile, execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { repositoryAt } from "../../cli/open-repository.js";
import { stateBefore } from "../../core/operations/earlier-state.js";
import type { CommitId, TagId } from "../../core/model/ids.js";
import { SAVED } from "../../core/revision/ref-names.js";
import type { Operation } from "../../core/ports/operation-log.js";
import { storeLayout } from "../../store/store-layout.js";
import { environmentWithVarve } from "../cli/built-command.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const execute = promisify(execFile);

/** What three people do at once in one tracked directory: each line a process of its own. Some are refused, and that is right. */
const SCRIPT = `
for n in 1 2 3 4 5; do
  varve -q branch $1-$n; varve -q tag -a shared -m "by $1" -f
  varve -q undo
  echo "$1 $n" > $1; varve -q commit -m "$1 $n"
  varve -q branch -f common; varve -q redo; varve -q branch -m $1-$n $1-$n-new; varve -q undo; varve -q branch -D common
  echo more >> $1; varve -q stash; varve -q stash pop; varve -q undo
done; true`;

test("processes that commit, branch, tag, stash and undo at once leave a log that tells how each ref came to where it is", async (t) => {
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const cwd = path.join(home, "here");
  mkdirSync(cwd);
  execFileSync("sh", ["-ec", "echo base > base; varve -q init; varve -q commit -m base"], { cwd, env });
  const runs = ["a", "b", "c"].map((who) => execute("sh", ["-c", SCRIPT, "sh", who], { cwd, env }));
  const complaints = (await Promise.all(runs)).map(({ stderr }) => stderr).join("");
  t.notRegex(complaints, /bug|STORE_DAMAGED|not an object|at \w+ \(/i);

  const layout = storeLayout(path.join(cwd, ".varve"));
  const repository = await repositoryAt(layout, { tracked: cwd });
  const operations: Operation[] = [];
  for await (const operation of repository.operations.list()) operations.push(operation);
  t.true(operations.length > 30, `${operations.length} operations`);
  t.is(new Set(operations.map(({ id }) => id)).size, operations.length);
  // Each began where the one before it had left that ref.
  const places = new Map<string, CommitId | TagId | undefined>();
  for (const { id, refs } of operations.toReversed()) {
    for (const { name, before, after, beforeTag, afterTag } of refs) {
      t.is(beforeTag ?? before, places.get(name), `${id} ${name}`);
      places.set(name, afterTag ?? after);
    }
  }
  const listed = execFileSync("git", ["for-each-ref", "--format=%(refname) %(objectname)"], {
    cwd: layout.git,
    env,
    encoding: "utf8",
  });
  const standing = [...places].flatMap(([name, id]) => (id === undefined ? [] : [`${name} ${id}`]));
  t.deepEqual(listed.trim().split("\n").sort(), standing.sort());
  t.is([...stateBefore(operations).refs.values()].filter(({ commit }) => commit !== undefined).length, 0);
  t.true(standing.some((line) => line.startsWith(SAVED)));
  t.regex(execFileSync("sh", ["-c", "varve fsck"], { cwd, env, encoding: "utf8" }), /^Sound/);
  t.is(execFileSync("git", ["fsck", "--strict", "--no-dangling"], { cwd: layout.git, env, encoding: "utf8" }), "");
});
