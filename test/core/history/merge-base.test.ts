import { execFileSync } from "node:child_process";
import test from "ava";
import fc from "fast-check";
import { isAncestor, mergeBase, mergeBases } from "../../../core/history/merge-base.js";
import type { Commit } from "../../../core/model/commit.js";
import type { CommitId } from "../../../core/model/ids.js";
import type { History } from "../../../core/ports/history.js";
import { gitHistory } from "../../../store/git/git-history.js";
import { commitChain, commitDraft } from "../../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

type Commits = Pick<History, "readCommit">;
interface Row {
  readonly id: CommitId;
  readonly seconds: number;
  readonly parents: readonly CommitId[];
}

/** `name seconds parent…`. */
function rowsOf(lines: readonly string[]): Row[] {
  return lines.map((line) => {
    const [id, seconds, ...parents] = line.split(" ") as [CommitId, string, ...CommitId[]];
    return { id, seconds: Number(seconds), parents };
  });
}

function historyOf(rows: readonly Row[]): Commits & { readonly reads: () => number } {
  const commits = new Map(rows.map((row) => [row.id, row]));
  let reads = 0;
  const readCommit = async (id: CommitId): Promise<Commit> => {
    reads += 1;
    const { parents, seconds } = commits.get(id) as Row;
    return { id, parents, committer: { seconds } } as unknown as Commit;
  };
  return { readCommit, reads: () => reads };
}

const cases: readonly (readonly [title: string, lines: readonly string[], pair: string, wants: string])[] = [
  ["a commit and itself", ["a 1"], "a a", "a"],
  ["a commit and its grandchild", ["a 1", "b 2 a", "c 3 b"], "a c", "a"],
  ["two branches", ["a 1", "b 2 a", "c 3 b", "d 4 b"], "c d", "b"],
  ["two histories without a common commit", ["a 1", "b 2 a", "x 1", "y 2 x"], "b y", ""],
  ["a branch that was merged before", ["a 1", "b 2 a", "c 3 a", "m 4 b c", "d 5 m", "e 6 c"], "d e", "c"],
  ["a criss-cross merge", ["a 1", "b 2 a", "c 3 a", "m 4 b c", "n 5 c b"], "m n", "c b"],
  ["a criss-cross merge, grown on", ["a 1", "b 2 a", "c 3 a", "m 4 b c", "n 5 c b", "o 6 m", "p 7 n"], "p o", "c b"],
  ["an octopus", ["a 1", "b 2 a", "c 3 a", "d 4 a", "m 5 b c d", "e 6 d"], "m e", "d"],
  ["a history whose clock was set back at the base", ["a 9", "b 8 a", "c 1 b", "d 2 b"], "c d", "b"],
  ["a history whose clock ran ahead on the longer side", ["a 90", "b 1 a", "c 2 b", "d 3 a", "e 4 c"], "e d", "a"],
  // The old one is met from both sides before it is seen that the young one comes from it.
  ["an older base whose time is later", ["a 50", "b 1 a", "c 60 b a", "d 70 b a"], "c d", "b"],
];

for (const [title, lines, pair, wants] of cases) {
  test(`mergeBases() of ${title}`, async (t) => {
    const [one, other] = pair.split(" ") as [CommitId, CommitId];
    const history = historyOf(rowsOf(lines));
    t.is((await mergeBases(history, one, other)).join(" "), wants);
    t.is((await mergeBases(history, other, one)).join(" "), wants);
    t.is<string | undefined, string | undefined>(await mergeBase(history, one, other), wants.split(" ")[0] || undefined);
  });
}

/** Histories with merges of up to three parents and clocks that run as they like. */
const arbitraryRows: fc.Arbitrary<readonly Row[]> = fc
  .array(fc.record({ seconds: fc.nat(9), parents: fc.array(fc.nat(1000), { maxLength: 3 }) }), { minLength: 2, maxLength: 14 })
  .map((drawn) =>
    drawn.map(({ seconds, parents }, number) => ({
      id: name(number),
      seconds,
      parents: number === 0 ? [] : [...new Set(parents.map((parent) => name(parent % number)))],
    })),
  );

function name(number: number): CommitId {
  return `c${number}` as CommitId;
}

function ancestorsByDefinition(rows: readonly Row[], id: CommitId): Set<CommitId> {
  const found = new Set([id]);
  for (const each of found) for (const parent of rows.find((row) => row.id === each)?.parents ?? []) found.add(parent);
  return found;
}

test("mergeBases() and isAncestor() say what their definitions say, for any history and any clock", async (t) => {
  const property = fc.asyncProperty(arbitraryRows, fc.nat(), fc.nat(), async (rows, first, second) => {
    const [one, other] = [name(first % rows.length), name(second % rows.length)];
    const history = historyOf(rows);
    const reached = ancestorsByDefinition(rows, other);
    const common = [...ancestorsByDefinition(rows, one)].filter((id) => reached.has(id));
    const best = common.filter((id) => !common.some((deeper) => deeper !== id && ancestorsByDefinition(rows, deeper).has(id)));
    t.deepEqual([...(await mergeBases(history, one, other))].sort(), best.sort());
    t.is(await isAncestor(history, one, other), reached.has(one));
  });
  await fc.assert(property, { numRuns: 500 });
});

test("mergeBases() of a store's history is what git merge-base --all says", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [a, b, c] = (await commitChain(history, 3)) as [CommitId, CommitId, CommitId];
  const d = await history.writeCommit(commitDraft(4, [b]));
  const m = await history.writeCommit(commitDraft(5, [c, d]));
  const n = await history.writeCommit(commitDraft(6, [d, c]));
  for (const [one, other] of [
    [m, n],
    [c, d],
    [a, n],
  ] as const) {
    const words = [`--git-dir=${layout.git}`, "merge-base", "--all", one, other];
    const told = execFileSync("git", words, { encoding: "utf8", env: hermeticEnvironment("/nonexistent") }).trim();
    t.deepEqual([...(await mergeBases(history, one, other))].sort(), told.split("\n").sort());
  }
});

test("mergeBases() reads what lies between the commits and their base, not all that is older", async (t) => {
  const rows = Array.from({ length: 10_000 }, (_, number) => `c${number} ${number}${number > 0 ? ` c${number - 1}` : ""}`);
  const history = historyOf(rowsOf([...rows, "x 10001 c9990", "y 10002 x"]));
  t.deepEqual(await mergeBases(history, "y" as CommitId, name(9999)), [name(9990)]);
  t.true(history.reads() < 50, `${history.reads()} reads`);
});
