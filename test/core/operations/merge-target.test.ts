import { readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { abortMerge, continueMerge } from "../../../core/operations/end-merge.js";
import { mergeTarget, type MergeOptions, type MergeResult } from "../../../core/operations/merge-target.js";
import { resolveConflicts } from "../../../core/operations/resolve-conflicts.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { headOf } from "../../../core/operations/targets.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";
import { forkedDirectory, type ForkedDirectory } from "../../helpers/forked-directory.js";

const LINES = "printf 'a\\nb\\nc\\nd\\ne\\n' > f; echo 1 > g; echo 1 > h";

async function merge(
  { repository, target, theirs }: ForkedDirectory,
  options: Partial<MergeOptions> = {},
): Promise<Omit<MergeResult, "close">> {
  const { close, ...result } = await mergeTarget(repository, target, theirs, {
    command: "merge topic",
    theirsLabel: "topic",
    ...options,
  });
  close();
  return result;
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof VarveError ? error.code : String(error);
  }
};

test("a merge of changes apart makes a commit with both parents, and the tree is its own; undo takes it back", async (t) => {
  const fork = await forkedDirectory(t, {
    base: LINES,
    ours: "sed -i s/a/A/ f; chmod 600 g; echo o > ours",
    theirs: "sed -i s/e/E/ f; rm h; mkdir d; echo t > d/theirs",
  });
  const { repository, target, ours, theirs, witness, sh, changed } = fork;
  const before = witness();
  const dry = await merge(fork, { dryRun: true });
  t.is(dry.kind, "merged");
  t.is(witness(), before);
  const result = await merge(fork);
  t.is(result.kind, "merged");
  t.deepEqual(
    result.changes.map(({ status, path: at }) => `${status} ${at}`),
    ["A d", "A d/theirs", "M f", "D h"],
  );
  const commit = await repository.history.readCommit(result.after!);
  t.deepEqual(commit.parents, [ours, theirs]);
  t.is(commit.message, "Merge branch 'topic' into main");
  t.deepEqual(await changed(), []);
  t.is(
    sh("cat f; stat -c %a g; cat ours d/theirs; ls h 2>&1 || true"),
    "A\nb\nc\nd\nE\n600\no\nt\nls: cannot access 'h': No such file or directory\n",
  );
  t.is((await merge(fork)).kind, "up-to-date");
  await undoOperation(repository, { command: "undo" });
  t.is(witness(), before);
  t.is((await headOf(repository, target)).commit, ours);
});

test("a branch without commits of its own moves on, but for --no-ff; --ff-only fails where it can't", async (t) => {
  const still = await forkedDirectory(t, { base: LINES, ours: "", theirs: "echo 2 > g" });
  const made = await merge(still, { fastForward: "never", message: "joined" });
  t.is(made.kind, "merged");
  const { parents, message } = await still.repository.history.readCommit(made.after!);
  t.deepEqual({ parents, message }, { parents: [still.base, still.theirs], message: "joined" });
  await undoOperation(still.repository, { command: "undo" });
  const moved = await merge(still);
  t.deepEqual([moved.kind, moved.after], ["fast-forward", still.theirs]);
  t.is(still.sh("cat g"), "2\n");
  t.deepEqual(await still.changed(), []);
  const forked = await forkedDirectory(t, { base: LINES, ours: "echo 2 > g", theirs: "echo 2 > h" });
  t.is(await codeOf(merge(forked, { fastForward: "only" })), "CONFLICT");
});

test("what is not committed is carried along where the merge leaves it alone, else nothing is done", async (t) => {
  for (const ours of ["echo o > ours", ""]) {
    const fork = await forkedDirectory(t, { base: LINES, ours, theirs: "echo 2 > g" });
    const { repository, sh, changed, witness } = fork;
    sh("cp -p g ../kept; echo mine > g; echo new > new");
    const dirty = witness();
    t.is(await codeOf(merge(fork)), "CONFLICT");
    t.is(witness(), dirty);
    sh("cp -p ../kept g; echo mine > h");
    await merge(fork);
    t.is(sh("cat g h new"), "2\nmine\nnew\n");
    t.deepEqual(
      (await changed()).filter((line) => line !== "M g"),
      ["M h", "A new"],
    );
    await undoOperation(repository, { command: "undo" });
    t.is(sh("cat g h new"), "1\nmine\nnew\n");
  }
});

test("histories without a common commit are merged only when that is asked for", async (t) => {
  const fork = await forkedDirectory(t, { base: LINES, ours: "", theirs: "echo 2 > g" });
  const { repository, target, sh } = fork;
  const { importSource } = await import("../../../core/operations/import-source.js");
  const { branchRef } = await import("../../../core/revision/ref-names.js");
  const source = path.join(fork.directory, "..", "other");
  sh(`mkdir ../other; echo other > ../other/other; echo 1 > ../other/g; touch -r g ../other/g`);
  const branch = branchRef("other");
  const { commit } = await importSource(
    repository,
    { kind: "directory", path: source },
    { branch, message: "other", command: "import" },
  );
  const options = { command: "merge other", theirsLabel: "other" };
  t.is(await codeOf(mergeTarget(repository, target, commit.id, options)), "UNRELATED_HISTORIES");
  const { kind, conflicts, close } = await mergeTarget(repository, target, commit.id, { ...options, allowUnrelated: true });
  close();
  t.deepEqual([kind, conflicts], ["merged", []]);
  t.is(sh("cat other h"), "other\n1\n");
});

const CONFLICTED = {
  base: `${LINES}; mkdir d; echo 1 > d/gone; echo 1 > mode; printf '\\0base' > bin; ln g linked`,
  ours: "sed -i s/c/ours/ f; rm -r d; chmod 600 mode; printf '\\0ours' > bin; echo clean > ours; echo 2 > g",
  theirs: "sed -i s/c/theirs/ f; echo 2 > d/gone; chmod 755 mode; printf '\\0theirs' > bin; echo clean > theirs; echo 3 > h",
};

test("conflicts are put before the person; the merge ends when all are resolved, or gives back all as it was", async (t) => {
  const fork = await forkedDirectory(t, CONFLICTED);
  const { repository, target, ours, theirs, sh, witness, changed } = fork;
  const before = witness();
  const result = await merge(fork);
  t.is(result.kind, "conflicts");
  t.deepEqual(
    result.conflicts.map(({ kind, path: at }) => `${kind} ${at}`),
    ["content bin", "delete/modify d/gone", "content f", "mode mode"],
  );
  t.is(sh("cat f"), "a\nb\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\nd\ne\n");
  t.is(sh("cat bin bin.ours bin.theirs bin.base | tr '\\0' ' '"), " ours ours theirs base");
  t.is(sh("ls d; cat ours theirs h linked; stat -c %a mode"), "gone.base\ngone.theirs\nclean\nclean\n3\n2\n600\n");
  const stopped = witness();
  t.is(await codeOf(merge(fork)), "IN_PROGRESS");
  t.is(await codeOf(continueMerge(repository, target, { command: "merge --continue" })), "CONFLICT");

  sh("echo edited > f; rm bin.*");
  t.is(await codeOf(continueMerge(repository, target, { command: "merge --continue" })), "CONFLICT");
  await abortMerge(repository, target, { command: "merge --abort" });
  t.is(witness(), before);
  t.deepEqual(await changed(), []);
  t.is(repository.inProgress.read("directory"), undefined);
  await undoOperation(repository, { command: "undo" });
  t.is(sh("cat f"), "edited\n");
  await undoOperation(repository, { command: "undo" });
  t.is(witness(), before);
  t.is(repository.inProgress.read("directory"), undefined);

  await merge(fork);
  t.is(witness(), stopped);
  const resolve = (side: "ours" | "theirs" | undefined, ...places: string[]): Promise<unknown> =>
    resolveConflicts(repository, target, { side, paths: selectPlaces(places as ByteString[]), command: "resolve" });
  t.is(await codeOf(resolve(undefined, "f")), "CONFLICT");
  t.is(await codeOf(resolve("ours", "theirs")), "PATH_MISSING");
  await resolve("theirs", "f");
  await resolve("ours", "d", "bin");
  await resolve(undefined, "mode");
  t.is(
    sh("cat f bin | tr '\\0' ' '; ls; stat -c %a mode"),
    "a\nb\ntheirs\nd\ne\n oursbin\nf\ng\nh\nlinked\nmode\nours\ntheirs\n600\n",
  );
  const { commit } = await continueMerge(repository, target, { command: "merge --continue" });
  t.deepEqual(commit.parents, [ours, theirs]);
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual(await changed(), []);
});

for (const [side, expected] of [
  ["theirs", "a\nb\ntheirs\nd\ne\n theirs2\n755\n"],
  ["base", "a\nb\nc\nd\ne\n base1\n644\n"],
] as const) {
  test(`resolve --${side} of all takes what is disputed from there, and nothing else`, async (t) => {
    const fork = await forkedDirectory(t, CONFLICTED);
    await merge(fork);
    const paths = selectPlaces(["" as ByteString]);
    const { left } = await resolveConflicts(fork.repository, fork.target, { side, paths, command: "resolve" });
    t.is(left, 0);
    t.is(fork.sh("cat f bin d/gone | tr '\\0' ' '; stat -c %a mode"), expected);
    t.is(fork.sh("cat ours theirs h"), "clean\nclean\n3\n");
    await continueMerge(fork.repository, fork.target, { command: "merge --continue" });
  });
}

test("a side is taken of directories, types, renames and links", async (t) => {
  const scripts = {
    base: "mkdir dir; echo 1 > dir/a; echo 1 > type; echo moved > m; echo kept > k; echo x > x; echo y > y",
    ours: "rm -r dir; echo file > dir; rm type; mkfifo type; mv m ours-m; mv k ours-k; ln -f x y",
    theirs: "echo 2 > dir/a; rm type; ln -s x type; mv m theirs-m; rm k; echo y2 > y; echo x2 > x",
  };
  const shown = "find . -path ./.varve -prune -o ! -path . -printf '%p %y %n\\n' | sort";
  const results: Record<string, string> = {};
  for (const side of ["ours", "theirs"] as const) {
    const fork = await forkedDirectory(t, scripts);
    const { conflicts } = await merge(fork);
    t.deepEqual(
      conflicts.map(({ kind, path: at }) => `${kind} ${at}`),
      ["directory/file dir", "rename/rename m", "rename/delete ours-k", "type type", "hardlink x"],
    );
    const paths = selectPlaces(["" as ByteString]);
    await resolveConflicts(fork.repository, fork.target, { side, paths, command: "resolve" });
    results[side] = fork.sh(shown);
    const wanted = await codeOf(continueMerge(fork.repository, fork.target, { command: "merge --continue" }));
    t.is(wanted, "none");
    (await rollbackTarget(fork.repository, fork.target, fork[side], { command: "rollback" })).close();
    t.is(results[side], fork.sh(shown), side);
  }
});

test("--no-commit leaves the commit to --continue, --squash leaves neither commit nor parent", async (t) => {
  const fork = await forkedDirectory(t, { base: LINES, ours: "echo 2 > g", theirs: "echo 2 > h" });
  const { repository, target, ours, theirs, changed } = fork;
  t.is((await merge(fork, { noCommit: true })).kind, "not-committed");
  t.deepEqual(await changed(), ["M h"]);
  const { commit } = await continueMerge(repository, target, { command: "merge --continue" });
  t.deepEqual(commit.parents, [ours, theirs]);
  await undoOperation(repository, { command: "undo" });
  await undoOperation(repository, { command: "undo" });
  t.is((await merge(fork, { squash: true })).kind, "not-committed");
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual((await repository.history.readCommit(await fork.commit("squashed"))).parents, [ours]);
});

test("histories that were merged crosswise are merged from a base that is merged itself", async (t) => {
  const fork = await forkedDirectory(t, { base: LINES, ours: "sed -i s/a/ours/ f", theirs: "sed -i s/e/theirs/ f" });
  const { repository, target, ours, theirs, sh, commit } = fork;
  const one = (await merge(fork)).after!;
  sh("echo one > one");
  const left = await commit("left");
  (await rollbackTarget(repository, target, theirs, { command: "rollback" })).close();
  const options = { command: "merge", theirsLabel: "ours" };
  const cross = await mergeTarget(repository, target, ours, options);
  cross.close();
  t.not(cross.after, one);
  sh("sed -i s/ours/again/ f");
  await commit("right");
  const last = await mergeTarget(repository, target, left, options);
  last.close();
  t.deepEqual(last.conflicts, []);
  t.is(readFileSync(path.join(fork.directory, "f"), "utf8"), "again\nb\nc\nd\ntheirs\n");
  t.is(sh("cat one"), "one\n");
});
