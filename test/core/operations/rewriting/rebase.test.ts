import { rmSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { RefName } from "../../../../core/model/ids.js";
import { createRef } from "../../../../core/operations/branches.js";
import { abortReplay, goOn } from "../../../../core/operations/rewriting/end-replay.js";
import { pickCommits } from "../../../../core/operations/rewriting/pick-commits.js";
import { rebaseTarget } from "../../../../core/operations/rewriting/rebase-target.js";
import { undoOperation } from "../../../../core/operations/undo-operation.js";
import { commitDescribed, firstParents } from "../../../helpers/described-commits.js";
import { command, LINES, store, lines, parted, clashing } from "./parted-store.js";

test("rebaseTarget() puts a branch's own commits on another one, and rebase then undo is identity", async (t) => {
  const made = await parted(t);
  const { repository, target, added, ours } = made;
  const top = await made.commitFile("top", "top");
  made.put("mine", "not committed");
  made.put("top", "top, edited");
  const before = [await made.changes(), made.read("text"), made.read("top")];
  const result = await rebaseTarget(repository, target, { upstream: added, label: "theirs", command });
  t.like(result, { kind: "done", isUpToDate: false, before: top, merges: [] });
  t.deepEqual(
    result.replayed.map(({ from }) => from),
    [ours, top],
  );
  t.is(made.read("text"), lines("OURS", "THEIRS"));
  t.is(made.read("new"), "added");
  t.is((await firstParents(repository, result.after!)).at(2), added);
  t.deepEqual(await made.changes(), ["A mine", "M top"]);
  await undoOperation(made.reopened(), { command: "undo" });
  t.is(await made.head(), top);
  t.deepEqual([await made.changes(), made.read("text"), made.read("top")], before);
  t.deepEqual((await made.fsck()).findings, []);
});

test("rebaseTarget() onto what it stands on, onto itself and onto a descendant", async (t) => {
  const made = await parted(t);
  const { repository, target, base, added, ours } = made;
  for (const upstream of [base, ours]) {
    t.like(await rebaseTarget(repository, target, { upstream, label: "x", command }), {
      isUpToDate: true,
      after: ours,
      replayed: [],
    });
  }
  await made.stand(base);
  made.put("mine", "not committed");
  t.like(await rebaseTarget(repository, target, { upstream: added, label: "theirs", command }), {
    isUpToDate: false,
    after: added,
    replayed: [],
  });
  t.is(made.read("new"), "added");
  t.deepEqual(await made.changes(), ["A mine"]);
});

test("rebaseTarget() drops what the other side has already, and --onto takes some commits alone", async (t) => {
  const made = await parted(t);
  const { repository, target, base, theirs, added } = made;
  await pickCommits(repository, target, { kind: "cherry-pick", commits: [theirs], command });
  const picked = await made.head();
  const result = await rebaseTarget(repository, target, { upstream: added, label: "theirs", command });
  t.deepEqual(result.dropped, [picked]);
  t.is(result.replayed.length, 1);
  await made.stand(added);
  const alone = await rebaseTarget(made.reopened(), target, { upstream: theirs, onto: base, label: "base", command });
  t.is(alone.replayed.length, 1);
  t.is(made.read("text"), LINES);
  t.is(made.read("new"), "added");
});

test("a rebase stops at conflicts of commits, then at those of what is not committed, and --abort brings both back", async (t) => {
  const made = await clashing(t);
  const { repository, target, after, ours } = made;
  made.put("after", "mine");
  const begin = () => rebaseTarget(made.reopened(), target, { upstream: after, label: "theirs", command });
  t.like(await begin(), { kind: "conflicts", stoppedAt: ours, after });
  t.like(await abortReplay(made.reopened(), target, { kind: "rebase", command }), { commit: ours });
  t.deepEqual([await made.changes(), made.read("after"), await made.head()], [["A after"], "mine", ours]);
  await begin();
  made.put("text", lines("BOTH", "seven"));
  const second = await goOn(made.reopened(), target, { kind: "rebase", command });
  t.like(second, { kind: "conflicts", stoppedAt: undefined });
  t.deepEqual(
    second.conflicts.map(({ path: place, kind }) => `${kind} ${place}`),
    ["add/add after"],
  );
  await abortReplay(made.reopened(), target, { kind: "rebase", command });
  t.deepEqual([await made.changes(), made.read("after"), await made.head()], [["A after"], "mine", ours]);
  await begin();
  made.put("text", lines("BOTH", "seven"));
  await goOn(made.reopened(), target, { kind: "rebase", command });
  for (const side of ["ours", "theirs", "base"]) rmSync(path.join(made.directory, `after.${side}`), { force: true });
  made.put("after", "resolved");
  const done = await goOn(made.reopened(), target, { kind: "rebase", command });
  t.is(done.kind, "done");
  t.deepEqual(await made.changes(), ["M after"]);
  t.is(made.read("after"), "resolved");
  t.is((await firstParents(repository, await made.head())).at(1), after);
  t.is(repository.inProgress.read("directory"), undefined);
  t.deepEqual((await made.fsck()).findings, []);
});

test("rebaseTarget() onto an unrelated history is refused without --onto", async (t) => {
  const made = await parted(t);
  const { repository, target, base } = made;
  const other = await commitDescribed(repository, { entries: [{ path: "else", type: "file", content: "else" }] });
  await createRef(repository, "refs/heads/else" as RefName, other, { command });
  await t.throwsAsync(rebaseTarget(repository, target, { upstream: other, label: "else", command }), {
    code: "UNRELATED_HISTORIES",
  });
  const result = await rebaseTarget(repository, target, { upstream: base, onto: other, label: "else", command });
  t.is(result.kind, "conflicts", "a text that is not there was changed");
  t.deepEqual((await made.fsck()).findings, []);
});

test("rebaseTarget() puts what merges joined one after another", async (t) => {
  const made = await store(t);
  const { repository, target } = made;
  const base = await made.commitFile("a", "1");
  const left = await made.commitFile("l", "l");
  await made.stand(base);
  const right = await made.commitFile("r", "r");
  await made.stand(base);
  const onto = await made.commitFile("o", "o");
  await createRef(repository, "refs/heads/onto" as RefName, onto, { command });
  await made.stand(left);
  made.put("r", "r");
  const both = await made.commit("both");
  const draft = await repository.history.readCommit(both);
  const merge = await repository.history.writeCommit({ ...draft, parents: [left, right], message: "merge" });
  await createRef(repository, "refs/heads/merge" as RefName, merge, { command });
  await made.stand(merge);
  const result = await rebaseTarget(repository, target, { upstream: onto, label: "onto", command });
  t.deepEqual(result.merges, [merge]);
  t.is(result.replayed.length, 2);
  for (const name of ["a", "l", "r", "o"]) t.truthy(made.read(name));
});
