import { chmodSync, statSync, utimesSync } from "node:fs";
import test from "ava";
import type { RefName } from "../../../../core/model/ids.js";
import { createRef } from "../../../../core/operations/branches.js";
import { abortReplay, goOn } from "../../../../core/operations/rewriting/end-replay.js";
import { pickCommits } from "../../../../core/operations/rewriting/pick-commits.js";
import { undoOperation } from "../../../../core/operations/undo-operation.js";
import { commitDescribed, firstParents, treeIdOf } from "../../../helpers/described-commits.js";
import { command, LINES, store, lines, parted, clashing } from "./parted-store.js";

test("pickCommits() makes a commit's changes once more, with its author and message, and one undo takes all back", async (t) => {
  const made = await parted(t);
  const { repository, target, theirs, added, ours } = made;
  const result = await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs, added], command });
  t.like(result, { kind: "done", before: ours, dropped: [], conflicts: [] });
  t.deepEqual(
    result.replayed.map(({ from }) => from),
    [theirs, added],
  );
  t.is(made.read("text"), lines("OURS", "THEIRS"));
  t.is(made.read("new"), "added");
  t.deepEqual(await made.changes(), []);
  const line = await firstParents(repository, result.after!);
  t.is(line.length, 4);
  t.is(line[2], ours);
  const [old, now] = [await repository.history.readCommit(theirs), await repository.history.readCommit(line[1]!)];
  t.deepEqual([now.message, now.author], [old.message, old.author]);
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(await made.head(), ours);
  t.is(made.read("text"), lines("OURS", "seven"));
  t.deepEqual(await made.changes(), []);
  t.deepEqual((await made.fsck()).findings, []);
});

test("revert of a commit just picked is identity", async (t) => {
  const made = await parted(t);
  const { repository, target, theirs, ours } = made;
  const picked = await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command });
  const result = await pickCommits(repository, target, { kind: "revert", commits: [picked.after!], command });
  t.is(await treeIdOf(repository, result.after!), await treeIdOf(repository, ours));
  const { message } = await repository.history.readCommit(result.after!);
  t.is(message, `Revert "text: one"\n\nThis reverts commit ${picked.after!}.`);
  t.deepEqual(await made.changes(), []);
});

test("revert of an older commit keeps what came after it", async (t) => {
  const made = await store(t);
  await made.commitFile("text", LINES);
  const second = await made.commitFile("text", lines("CHANGED", "seven"));
  await made.commitFile("text", lines("CHANGED", "LATER"));
  await pickCommits(made.repository, made.target, { kind: "revert", commits: [second], command });
  t.is(made.read("text"), lines("one", "LATER"));
});

test("revert of the first commit takes away what it added", async (t) => {
  const made = await store(t);
  const first = await made.commitFile("a", "1");
  await made.commitFile("b", "2");
  await pickCommits(made.repository, made.target, { kind: "revert", commits: [first], command });
  t.throws(() => made.read("a"), { code: "ENOENT" });
  t.is(made.read("b"), "2");
});

test("revert of the first commit leaves the root directory as it is", async (t) => {
  const made = await store(t);
  chmodSync(made.directory, 0o700);
  utimesSync(made.directory, 1000, 1000);
  const first = await made.commitFile("a", "1");
  await made.commitFile("b", "2");
  const before = statSync(made.directory);
  await pickCommits(made.repository, made.target, { kind: "revert", commits: [first], command });
  const { mode, mtimeMs } = statSync(made.directory);
  t.deepEqual({ mode, mtimeMs }, { mode: before.mode, mtimeMs: before.mtimeMs });
});

test("revert of the first commit has conflicts with what came after it, and ends as a person says", async (t) => {
  const made = await store(t);
  const first = await made.commitFile("a", "1");
  await made.commitFile("a", "2");
  const result = await pickCommits(made.repository, made.target, { kind: "revert", commits: [first], command });
  t.like(result, { kind: "conflicts", stoppedAt: first });
  t.deepEqual(
    result.conflicts.map(({ path: place, kind }) => `${kind} ${place}`),
    ["delete/modify a"],
  );
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(made.read("a"), "2");
  t.deepEqual(await made.changes(), []);
  t.deepEqual((await made.fsck()).findings, []);
});

test("pickCommits() of what is there already makes no commit, and says so", async (t) => {
  const made = await parted(t);
  const { repository, target, theirs } = made;
  await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command });
  const before = await made.head();
  const result = await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command });
  t.like(result, { dropped: [theirs], replayed: [], after: before });
  t.is(await made.head(), before);
});

test("pickCommits() carries along what is not committed where nothing touches it, and refuses elsewhere", async (t) => {
  const made = await parted(t);
  const { repository, target, theirs, ours } = made;
  made.put("mine", "not committed");
  await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command });
  t.deepEqual(await made.changes(), ["A mine"]);
  t.is(made.read("text"), lines("OURS", "THEIRS"));
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(await made.head(), ours);
  t.deepEqual(await made.changes(), ["A mine"]);
  made.put("text", "edited");
  const error = await t.throwsAsync(pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command }), {
    code: "CONFLICT",
  });
  t.regex(error?.message ?? "", /^Cannot cherry-pick: it would change what is not committed: "\/text"$/);
  t.is(made.read("text"), "edited");
  t.is(await made.head(), ours);
});

test("a cherry-pick stops at a conflict, and --continue commits what a person made of it", async (t) => {
  const made = await clashing(t);
  const { repository, target, theirs, after, ours } = made;
  const result = await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs, after], command });
  t.like(result, { kind: "conflicts", stoppedAt: theirs, left: 1, after: ours });
  t.deepEqual(
    result.conflicts.map(({ path: place, kind }) => `${kind} ${place}`),
    ["content text"],
  );
  t.regex(made.read("text"), /<<<<<<< HEAD\nOURS\n=======\nTHEIRS\n>>>>>>> /);
  await t.throwsAsync(goOn(made.reopened(), target, { kind: "cherry-pick", command }), { code: "CONFLICT" });
  await t.throwsAsync(goOn(made.reopened(), target, { kind: "rebase", command }), { code: "IN_PROGRESS" });
  await t.throwsAsync(pickCommits(made.reopened(), target, { kind: "revert", commits: [ours], command }), {
    code: "IN_PROGRESS",
  });
  await made.gc();
  made.put("text", lines("BOTH", "seven"));
  const ended = await goOn(made.reopened(), target, { kind: "cherry-pick", command });
  t.like(ended, { kind: "done", conflicts: [] });
  t.deepEqual(
    ended.replayed.map(({ from }) => from),
    [theirs, after],
  );
  t.is(made.read("text"), lines("BOTH", "seven"));
  t.is(made.read("after"), "after");
  t.is((await firstParents(repository, ended.after!)).at(2), ours);
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual(await made.changes(), []);
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(made.read("text"), lines("BOTH", "seven"), "the state before --continue");
  t.is(repository.inProgress.read("directory")?.kind, "cherry-pick");
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(made.read("text"), lines("OURS", "seven"));
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual((await made.fsck()).findings, []);
});

test("a cherry-pick's --skip leaves out the commit that waits, and --abort brings all back", async (t) => {
  const made = await clashing(t);
  const { repository, target, theirs, after, ours } = made;
  const pick = () => pickCommits(made.reopened(), target, { kind: "cherry-pick", commits: [theirs, after], command });
  await pick();
  const skipped = await goOn(made.reopened(), target, { kind: "cherry-pick", skip: true, command });
  t.is(skipped.skipped, theirs);
  t.is(made.read("text"), lines("OURS", "seven"));
  t.is(made.read("after"), "after");
  t.deepEqual(await made.changes(), []);
  await made.stand(ours);
  await pick();
  made.put("text", "half done");
  const aborted = await abortReplay(made.reopened(), target, { kind: "cherry-pick", command });
  t.like(aborted, { commit: ours });
  t.is(made.read("text"), lines("OURS", "seven"));
  t.is(await made.head(), ours);
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual(await made.changes(), []);
});

test("a commit made by hand ends the step that waits", async (t) => {
  const made = await clashing(t);
  const { target, theirs, after } = made;
  await pickCommits(made.reopened(), target, { kind: "cherry-pick", commits: [theirs, after], command });
  made.put("text", lines("BOTH", "seven"));
  const own = await made.commit("by hand");
  const ended = await goOn(made.reopened(), target, { kind: "cherry-pick", command });
  t.deepEqual(ended.replayed[0], { from: theirs, to: own });
  t.is(made.read("after"), "after");
});

test("pickCommits() of a merge wants its parent, and takes what the merge brought into that", async (t) => {
  const made = await store(t);
  const { repository, target } = made;
  const base = await made.commitFile("a", "1");
  const file = (name: string, content: string) => ({ path: name, type: "file", content }) as const;
  const left = await commitDescribed(repository, { parents: [base], entries: [file("a", "1"), file("l", "l")] });
  const right = await commitDescribed(repository, { parents: [base], entries: [file("a", "1"), file("r", "r")] });
  const merge = await commitDescribed(repository, {
    parents: [left, right],
    entries: [file("a", "1"), file("l", "l"), file("r", "r")],
  });
  await createRef(repository, "refs/heads/merged" as RefName, merge, { command });
  const pick = (mainline?: number) =>
    pickCommits(repository, target, { kind: "cherry-pick", commits: [merge], mainline, command });
  await t.throwsAsync(pick(), { code: "USAGE" });
  await t.throwsAsync(pick(3), { code: "USAGE" });
  await pick(1);
  t.is(made.read("r"), "r");
  t.throws(() => made.read("l"), { code: "ENOENT" });
});
