import test from "ava";
import { newestFirst, type DatedCommit } from "../../../core/history/newest-first.js";
import type { CommitId } from "../../../core/model/ids.js";

/** `name seconds parent…`, in the order in which they are found. */
function commits(lines: readonly string[]): ReadonlyMap<CommitId, DatedCommit> {
  return new Map(
    lines.map((line) => {
      const [id, seconds, ...parents] = line.split(" ") as [CommitId, string, ...CommitId[]];
      return [id, { id, parents, committer: { seconds: Number(seconds) } }];
    }),
  );
}

const cases: readonly (readonly [title: string, lines: readonly string[], wants: string])[] = [
  ["nothing", [], ""],
  ["a chain of one second, found from its middle", ["b 7 a", "a 7", "c 7 b"], "c b a"],
  ["a chain whose clock was set back", ["a 9", "b 5 a", "c 1 b"], "c b a"],
  ["two branches by time", ["a 1", "b 2 a", "c 3 a", "d 4 b", "e 5 c"], "e d c b a"],
  ["a merge before both its parents", ["a 1", "m 2 c b", "b 8 a", "c 5 a"], "m b c a"],
  ["a parent named twice", ["a 1", "m 2 a a"], "m a"],
  ["parents that are not among them", ["b 2 a", "c 3 x b"], "c b"],
];

for (const [title, lines, wants] of cases) {
  test(`newestFirst() of ${title}`, (t) => {
    t.is([...newestFirst(commits(lines))].map(({ id }) => id).join(" "), wants);
  });
}
