import { spawnSync } from "node:child_process";
import { existsSync, linkSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import type { RefUpdate } from "../../../core/ports/history.js";
import { gitHistory } from "../../../store/git/git-history.js";
import { openStore } from "../../../store/open-store.js";
import { commitChain } from "../../helpers/commit-drafts.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const DEAD = spawnSync("true").pid;
const [MAIN, TAG, OLD] = ["refs/heads/main", "refs/tags/v1", "refs/heads/old"] as [RefName, RefName, RefName];

function journal(updates: readonly RefUpdate[]): string {
  return `${JSON.stringify({ updates })}\n`;
}

test("openStore() removes the git locks of dead processes, and no others", async (t) => {
  const layout = temporaryStore(t);
  const scratch = path.join(layout.scratch, `ref-lock-${DEAD}-1`);
  const [ours, theirs] = ["refs/heads/main.lock", "refs/heads/other.lock"].map((name) => path.join(layout.git, name)) as [
    string,
    string,
  ];
  writeFileSync(scratch, "");
  linkSync(scratch, ours);
  writeFileSync(theirs, "");
  await openStore(layout.root);
  t.deepEqual([scratch, ours, theirs].map(existsSync), [false, false, true]);
});

test("openStore() completes the moves of a journal that is whole", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [first, second] = await commitChain(history, 2);
  await history.updateRefs([{ name: OLD, before: undefined, after: first }]);
  const updates = [
    { name: MAIN, before: second, after: first },
    { name: TAG, before: undefined, after: second },
    { name: OLD, before: first, after: undefined },
  ];
  writeFileSync(path.join(layout.scratch, `ref-journal-${DEAD}-1`), journal(updates));
  await openStore(layout.root);
  t.deepEqual(await history.listRefs("refs/"), [
    { name: MAIN, commit: first as CommitId },
    { name: TAG, commit: second as CommitId },
  ]);
  t.deepEqual(readdirSync(layout.scratch), []);
});

test("openStore() leaves alone a ref that has moved since its journal was written", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [first, second, third] = await commitChain(history, 3);
  const updates = [
    { name: MAIN, before: first, after: second },
    { name: TAG, before: undefined, after: second },
  ];
  writeFileSync(path.join(layout.scratch, `ref-journal-${DEAD}-1`), journal(updates));
  await openStore(layout.root);
  t.is(await history.readRef(MAIN), third);
  t.is(await history.readRef(TAG), second);
});

test("openStore() takes a torn journal for one that was never decided", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [first, second] = await commitChain(history, 2);
  const text = journal([{ name: MAIN, before: second, after: first }]);
  for (const torn of ["", text.slice(0, 40), text.slice(0, -3), "\0".repeat(100)]) {
    writeFileSync(path.join(layout.scratch, `ref-journal-${DEAD}-1`), torn);
    await openStore(layout.root);
    t.is(await history.readRef(MAIN), second);
    t.deepEqual(readdirSync(layout.scratch), []);
  }
});

test("openStore() opens a store whose journal it can't complete, and keeps the journal", async (t) => {
  const layout = temporaryStore(t);
  const file = path.join(layout.scratch, `ref-journal-${DEAD}-1`);
  writeFileSync(file, '{"updates":[{"name":"../../x","after":"0000000000000000000000000000000000000000"}]}\n');
  await openStore(layout.root);
  t.true(existsSync(file));
});
