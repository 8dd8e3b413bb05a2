import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { textOf } from "../../../core/model/byte-string.js";
import { checkoutCommit } from "../../../core/operations/checkout-commit.js";
import { importSource } from "../../../core/operations/import-source.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { statusOf } from "../../../core/operations/status-of.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import type { Repository } from "../../../core/ports/repository.js";
import { branchRef } from "../../../core/revision/ref-names.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { trackedRepository, type TrackedRepository } from "../../helpers/tracked-repository.js";

interface Story extends TrackedRepository {
  sh(script: string): void;
  status(): Promise<string[]>;
  /** What find(1) and sha256sum(1) say of the directory, without its store. */
  witness(): string;
}

async function story(t: ExecutionContext): Promise<Story> {
  const tracked = await trackedRepository(t);
  const { directory, repository, target } = tracked;
  const sh = (script: string): void => void execFileSync("sh", ["-ec", script], { cwd: directory });
  sh(
    "mkdir -p etc/deep; echo one > etc/one; echo two > etc/two; ln etc/one etc/deep/uno; ln -s one etc/link; mkfifo pipe; chmod 700 etc/deep",
  );
  const status = async (): Promise<string[]> => {
    const { changes, close } = await statusOf(repository, target);
    close();
    return changes.map(({ status: letter, path, reasons }) => [letter, `/${textOf(path)}`, ...reasons].join(" "));
  };
  const witness = (): string => {
    const find = "find . -path ./.varve -prune -o -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | sort; ";
    const skipRootTime = find.replace("-prune -o", "-prune -o -path . -printf '. %m\\n' -o");
    const sums = "find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum";
    return execFileSync("sh", ["-ec", `${skipRootTime}${sums}`], { cwd: directory, encoding: "utf8" }).replaceAll(
      /^(\S+) d (.*?) \d+ (\S+) \d+ $/gm,
      "$1 d $2 $3",
    );
  };
  return { ...tracked, sh, status, witness };
}

const EDITS = [
  "echo changed > etc/two; rm etc/link; mkdir new; echo n > new/n; chmod 4755 etc/one",
  "rm -r etc; echo file > etc",
  "rm etc/deep/uno; ln etc/two etc/deep/dos; touch -d '1960-01-01 00:00:00.123456789' etc/two",
  "rm pipe; mkdir pipe; truncate -s 1M pipe/sparse; printf x | dd of=pipe/sparse bs=1 seek=500000 conv=notrunc status=none",
  "mv etc renamed; printf '\\377' > \"$(printf 'bad\\376name')\"",
];

for (const edit of EDITS) {
  test(`rollbackTarget() takes back exactly, and undoOperation() brings back exactly: ${edit}`, async (t) => {
    const { repository, target, commit, sh, status, witness } = await story(t);
    const first = await commit("first");
    const clean = witness();
    sh(edit);
    const dirty = witness();
    const changed = await status();
    t.true(changed.length > 0);
    const { saved } = await rollbackTarget(repository, target, first, { command: "rollback" });
    t.truthy(saved);
    t.is(witness(), clean);
    t.deepEqual(await status(), []);
    await undoOperation(repository, { command: "undo" });
    t.is(witness(), dirty);
    t.deepEqual(await status(), changed);
  });

  test(`a commit after this edit checks out as it stood: ${edit}`, async (t) => {
    const { repository, commit, sh, witness, status } = await story(t);
    await commit("first");
    sh(edit);
    const second = await commit("second");
    t.deepEqual(await status(), []);
    const wanted = witness();
    const destination = `${temporaryDirectory(t)}/out`;
    await checkoutCommit(repository, second, destination);
    const compared = execFileSync(
      "diff",
      ["-r", "--no-dereference", "-x", ".varve", "-x", "pipe", repository.worktree?.path ?? "", destination],
      { encoding: "utf8" },
    );
    t.is(compared, "");
    t.true(wanted.length > 0);
  });
}

test("statusOf() sees a change that keeps size and mtime", async (t) => {
  const { directory, commit, status } = await story(t);
  await commit("first");
  writeFileSync(`${directory}/etc/two`, "owt\n");
  utimesSync(`${directory}/etc/two`, 5, 5);
  await commit("second");
  writeFileSync(`${directory}/etc/two`, "tow\n");
  utimesSync(`${directory}/etc/two`, 5, 5);
  t.deepEqual(await status(), ["M /etc/two content"]);
});

test("commitTarget() of an unchanged directory throws NOTHING_TO_COMMIT, and leaves no layer", async (t) => {
  const { repository, directory, commit } = await story(t);
  await commit("first");
  const layers = repository.layers.list();
  await t.throwsAsync(commit("again"), { instanceOf: VarveError, code: "NOTHING_TO_COMMIT" });
  appendFileSync(`${directory}/etc/one`, "");
  chmodSync(`${directory}/etc/deep`, 0o700);
  await t.throwsAsync(commit("touched, not changed"), { instanceOf: VarveError, code: "NOTHING_TO_COMMIT" });
  t.deepEqual(repository.layers.list(), layers);
});

test("undoOperation() of a commit leaves the files and takes the branch back", async (t) => {
  const { repository, directory, target, commit, status } = await story(t);
  const first = await commit("first");
  renameSync(`${directory}/etc/two`, `${directory}/etc/zwei`);
  const before = await status();
  await commit("second");
  await undoOperation(repository, { command: "undo" });
  t.deepEqual(await status(), before);
  t.is((await statusOf(repository, target)).commit, first);
});

test("undoOperation() goes back one operation a call, and says when there is none left", async (t) => {
  const { repository, directory, target, commit } = await story(t);
  const first = await commit("first");
  writeFileSync(`${directory}/a`, "a");
  const second = await commit("second");
  await rollbackTarget(repository, target, first, { command: "rollback" });
  const commits: unknown[] = [];
  for (let step = 0; step < 3; step += 1) {
    await undoOperation(repository, { command: "undo" });
    commits.push((await statusOf(repository, target)).commit);
  }
  t.deepEqual(commits, [second, first, undefined]);
  await t.throwsAsync(undoOperation(repository, { command: "undo" }), { instanceOf: VarveError, code: "NOTHING_TO_UNDO" });
});

test("rollbackTarget() where nothing differs writes no operation", async (t) => {
  const { repository, target, commit } = await story(t);
  const first = await commit("first");
  const { changes, saved } = await rollbackTarget(repository, target, first, { command: "rollback" });
  t.deepEqual({ changes, saved }, { changes: [], saved: undefined });
  t.is((await undoOperation(repository, { command: "undo" })).undone.command, "commit -m first");
});

test("rollbackTarget() past a branch of commits keeps them for undoOperation()", async (t) => {
  const { repository, directory, target, commit, witness } = await story(t);
  const first = await commit("first");
  mkdirSync(`${directory}/more`);
  await commit("second");
  rmSync(`${directory}/etc`, { recursive: true });
  const third = await commit("third");
  const wanted = witness();
  await rollbackTarget(repository, target, first, { command: "rollback" });
  await undoOperation(repository, { command: "undo" });
  t.is(witness(), wanted);
  t.is((await statusOf(repository, target)).commit, third);
});

test("importSource() to the branch that the directory stands on throws BRANCH_BUSY, to another one commits", async (t) => {
  const { repository, directory, commit } = await story(t);
  await commit("first");
  const source = { kind: "directory", path: `${directory}/etc` } as const;
  const options = { message: "x", command: "import" };
  const onto = (name: string): Promise<unknown> => importSource(repository, source, { ...options, branch: branchRef(name) });
  await t.throwsAsync(onto("main"), { instanceOf: VarveError, code: "BRANCH_BUSY" });
  await t.notThrowsAsync(onto("other"));
});

test("an undo that was stopped before the tree was whole is completed by the next undo", async (t) => {
  const { repository, target, commit, sh, witness } = await story(t);
  const first = await commit("first");
  sh("echo second > etc/two");
  await commit("second");
  sh("echo never committed > etc/two; rm etc/link");
  const dirty = witness();
  await rollbackTarget(repository, target, first, { command: "rollback" });

  const worktree = repository.worktree!;
  const stopped: Repository = {
    ...repository,
    worktree: {
      path: worktree.path,
      openTree: (head, id, options) => worktree.openTree(head, id, options),
      requireApplicable: (current, target) => worktree.requireApplicable(current, target),
      remember: (tree, id) => worktree.remember(tree, id),
      apply: () => {
        sh("rm etc/one; echo half > etc/.half");
        throw new VarveError("IO", "Cannot go on: stopped");
      },
    },
  };
  await t.throwsAsync(undoOperation(stopped, { command: "undo" }), { message: "Cannot go on: stopped" });
  const { undone } = await undoOperation(repository, { command: "undo" });
  t.is(undone.command, "rollback");
  t.is(witness(), dirty);
});
