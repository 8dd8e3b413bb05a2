import type { ExecutionContext, TestFn } from "ava";
import { parseCommitId } from "../../core/model/ids.js";
import type { Progress, WorkInProgress } from "../../core/ports/work-in-progress.js";

export const SOME_MERGE: Progress = {
  kind: "merge",
  commits: [parseCommitId("a".repeat(40))],
  state: { theirs: "b".repeat(40), conflicts: [{ path: "etc/ö\n" }] },
};

/** What every keeper of work in progress promises. @param open Gives an empty one. */
export function workInProgressContract(test: TestFn, name: string, open: (t: ExecutionContext) => WorkInProgress): void {
  test(`${name}: nothing is in progress at first, and ending nothing does nothing`, (t) => {
    const work = open(t);
    t.is(work.read("directory"), undefined);
    t.deepEqual(work.list(), []);
    work.write("directory", undefined);
    t.is(work.read("directory"), undefined);
  });

  test(`${name}: read() gives what was written last, for each slot`, (t) => {
    const work = open(t);
    work.write("0123456789ab", { ...SOME_MERGE, kind: "rebase" });
    work.write("directory", { ...SOME_MERGE, kind: "revert" });
    work.write("directory", SOME_MERGE);
    t.deepEqual(work.read("directory"), SOME_MERGE);
    t.deepEqual(work.list(), [
      { slot: "0123456789ab", progress: { ...SOME_MERGE, kind: "rebase" } },
      { slot: "directory", progress: SOME_MERGE },
    ]);
    work.write("directory", undefined);
    t.is(work.read("directory"), undefined);
    t.is(work.list().length, 1);
  });
}
