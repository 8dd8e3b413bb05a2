import test from "ava";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import { selectCommits } from "../../../core/revision/select-commits.js";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { commitChain, commitDraft } from "../../helpers/commit-drafts.js";

const rows: readonly (readonly [words: string, include: string, exclude: string])[] = [
  ["", "m", ""],
  ["main", "m", ""],
  ["c side", "c s", ""],
  ["c ^side", "c", "s"],
  ["^a", "m", "a"],
  ["side..c", "c", "s"],
  ["side...c", "s c", "a"],
  ["a..", "m", "a"],
  ["^a..c", "a", "c"],
  ["main^@", "c s", ""],
  ["main^!", "m", "c s"],
  ["main^-", "m", "c"],
  ["main^-2", "m", "s"],
  ["a^@", "", ""],
  ["a^!", "a", ""],
  ["c^{/commit.2}", "b", ""],
];

for (const [words, include, exclude] of rows) {
  test(`selectCommits() of "${words}" includes "${include}" and excludes "${exclude}"`, async (t) => {
    const history = memoryHistory();
    const [a, b, c] = (await commitChain(history, 3)) as [CommitId, CommitId, CommitId];
    const s = await history.writeCommit(commitDraft(50, [a]));
    const m = await history.writeCommit(commitDraft(60, [c, s]));
    const places = [
      ["a", undefined, a],
      ["c", undefined, c],
      ["side", undefined, s],
      ["main", c, m],
    ] as const;
    await history.updateRefs(places.map(([name, before, after]) => ({ name: `refs/heads/${name}` as RefName, before, after })));
    const names = new Map([a, b, c, s, m].map((id, at) => [id, "abcsm"[at]]));
    const selected = await selectCommits(history, words.split(" ").filter(Boolean));
    t.is(selected.include.map((id) => names.get(id)).join(" "), include);
    t.is(selected.exclude.map((id) => names.get(id)).join(" "), exclude);
  });
}

for (const words of ["mian..a", "a...nothing", "^nothing", "nothing^!", "a..b..c", "main^-3", "@web"]) {
  test(`selectCommits() of "${words}" throws a failure about a revision`, async (t) => {
    const history = memoryHistory();
    const [a] = await commitChain(history, 2);
    await history.updateRefs([{ name: "refs/heads/a" as RefName, before: undefined, after: a }]);
    const error = await t.throwsAsync<Error & { code?: string; hint?: string }>(selectCommits(history, [words]));
    t.true(["REVISION_UNKNOWN", "USAGE"].includes(error?.code ?? ""), error?.code);
    t.truthy(error?.hint);
    if (words.startsWith("mian")) t.regex(error?.hint ?? "", /Did you mean main/);
  });
}
