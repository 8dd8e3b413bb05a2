import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import { ancestors, chooseCandidate, stepsFor, type Answer, type ParentMap } from "../../../core/bisect/choose-candidate.js";
import type { CommitId } from "../../../core/model/ids.js";
import { atOnce } from "../../../core/turns.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { testIf } from "../../helpers/requirements.js";

const id = (number: number): CommitId => number.toString(16).padStart(40, "0") as CommitId;

/** @param lists Of each commit, from 0 on, the numbers of its parents. */
function graph(lists: readonly (readonly number[])[]): ParentMap {
  return new Map(lists.map((parents, number) => [id(number), parents.map(id)]));
}

function line(count: number): ParentMap {
  return graph(Array.from({ length: count }, (_, number) => (number === 0 ? [] : [number - 1])));
}

interface Search {
  readonly answer: Answer;
  readonly tried: readonly CommitId[];
}

/** Bisects from the last commit to the first, told of each candidate what `verdict` says. */
function search(parents: ParentMap, verdict: (commit: CommitId) => "good" | "bad" | "skip"): Search {
  let bad = id(parents.size - 1);
  const [good, skipped, tried] = [[id(0)], new Set<CommitId>(), [] as CommitId[]];
  for (;;) {
    const answer = atOnce(chooseCandidate(parents, { bad, good, skipped }));
    if (answer.kind !== "candidate") return { answer, tried };
    tried.push(answer.commit);
    const said = verdict(answer.commit);
    if (said === "bad") bad = answer.commit;
    else if (said === "good") good.push(answer.commit);
    else skipped.add(answer.commit);
  }
}

function isFrom(parents: ParentMap, culprit: CommitId): (commit: CommitId) => "good" | "bad" {
  return (commit) => (atOnce(ancestors(parents, [commit])).has(culprit) ? "bad" : "good");
}

test("chooseCandidate() finds each of 1,000 commits in a line in 10 steps or one less", (t) => {
  const parents = line(1001);
  for (let culprit = 1; culprit <= 1000; culprit += 37) {
    const { answer, tried } = search(parents, (commit) => (commit >= id(culprit) ? "bad" : "good"));
    t.deepEqual(answer, { kind: "found", commit: id(culprit) });
    t.true(tried.length === 10 || tried.length === 9, `${tried.length} steps`);
  }
});

test("chooseCandidate() halves a merge's two sides by what can be reached, not by what stands in a row", (t) => {
  // 0 is good; 1..8 and 9..16 are two branches from it; 17 merges them.
  const sides = (from: number): number[][] => Array.from({ length: 8 }, (_, at) => [at === 0 ? 0 : from + at - 1]);
  const parents = graph([[], ...sides(1), ...sides(9), [8, 16]]);
  const answer = atOnce(chooseCandidate(parents, { bad: id(17), good: [id(0)], skipped: new Set() }));
  t.deepEqual(answer, { kind: "candidate", commit: id(8), left: 8, steps: 3 });
});

test("chooseCandidate() moves off a skipped commit, and tells what is left when all were skipped", (t) => {
  const parents = line(65);
  const first = atOnce(chooseCandidate(parents, { bad: id(64), good: [id(0)], skipped: new Set() }));
  t.like(first, { kind: "candidate", commit: id(32) });
  const second = atOnce(chooseCandidate(parents, { bad: id(64), good: [id(0)], skipped: new Set([id(32)]) }));
  t.true(second.kind === "candidate" && second.commit !== id(31) && second.commit !== id(33));
  const { answer } = search(line(4), () => "skip");
  t.deepEqual(answer, { kind: "undecided", commits: [id(3), id(2), id(1)] });
});

test("chooseCandidate() passes over 50 commits in a row that can't be tested in fewer than 20 steps", (t) => {
  const { answer, tried } = search(line(401), (commit) => {
    if (commit >= id(150) && commit < id(200)) return "skip";
    return commit >= id(300) ? "bad" : "good";
  });
  t.deepEqual(answer, { kind: "found", commit: id(300) });
  t.true(tried.length < 20, `${tried.length} steps`);
});

const histories = fc
  .array(fc.tuple(fc.nat(), fc.option(fc.nat())), { minLength: 1, maxLength: 40 })
  .map((rows) =>
    graph([
      [],
      ...rows.map(([first, second], at) => [...new Set([first % (at + 1), ...(second === null ? [] : [second % (at + 1)])])]),
    ]),
  );

test("property: whatever the history's shape, the first bad commit is found, with commits skipped or not", (t) => {
  fc.assert(
    fc.property(histories, fc.nat(), fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 5 }), (parents, choice, skips) => {
      const tip = id(parents.size - 1);
      const suspects = [...atOnce(ancestors(parents, [tip]))].filter((commit) => commit !== id(0));
      const culprit = suspects[choice % suspects.length]!;
      const isBad = isFrom(parents, culprit);
      const unfit = new Set(skips.map((number) => id(number)));
      const { answer, tried } = search(parents, (commit) => (unfit.has(commit) ? "skip" : isBad(commit)));
      t.is(new Set(tried).size, tried.length);
      if (answer.kind === "found") t.is(answer.commit, culprit);
      else t.true(answer.kind === "undecided" && answer.commits.includes(culprit) && unfit.size > 0);
    }),
  );
});

test("chooseCandidate() halves 10,000 commits with 1,000 merges", (t) => {
  const lists = Array.from({ length: 10_000 }, (_, at) =>
    at === 0 ? [] : at % 10 === 0 ? [at - 1, Math.max(at - 25, 0)] : [at - 1],
  );
  t.like(atOnce(chooseCandidate(graph(lists), { bad: id(9999), good: [id(0)], skipped: new Set() })), {
    kind: "candidate",
    steps: 12,
  });
});

testIf("git")("chooseCandidate() gains as much as git's own choice, and says as many steps", (t) => {
  const home = temporaryDirectory(t);
  const git = (...words: string[]): string =>
    execFileSync("git", words, { cwd: home, env: hermeticEnvironment(home), encoding: "utf8" }).trim();
  git("init", "-q");
  const ids: string[] = [];
  const lists: number[][] = [];
  for (let at = 0; at < 30; at += 1) {
    const parents = at === 0 ? [] : at % 7 === 6 ? [at - 1, at - 5] : at % 7 === 3 ? [at - 3] : [at - 1];
    lists.push(parents);
    writeFileSync(path.join(home, "file"), `${at}`);
    git("add", "file");
    const tree = git("write-tree");
    ids.push(git("commit-tree", tree, "-m", `commit ${at}`, ...parents.flatMap((parent) => ["-p", ids[parent]!])));
  }
  const told = git("rev-list", "--bisect-vars", ids[29]!, `^${ids[0]!}`);
  const read = (name: string): number => Number(new RegExp(`${name}=(\\d+)`).exec(told)?.[1]);
  const ours = atOnce(chooseCandidate(graph(lists), { bad: id(29), good: [id(0)], skipped: new Set() }));
  if (ours.kind !== "candidate") return t.fail();
  const total = read("bisect_all");
  const gain = (left: number): number => Math.min(left + 1, total - left - 1);
  t.is(gain(ours.left), gain(read("bisect_nr")));
  t.is(ours.steps, read("bisect_steps"));
  t.deepEqual([1, 2, 3, 4, 6, 1000].map(stepsFor), [0, 0, 1, 1, 2, 9]);
});
