import type { CommitId } from "../model/ids.js";
import type { Turns } from "../turns.js";
import { isTurnDue } from "../yield-to-signals.js";

/** Each commit's parents; closed over the ancestors of the bad commit and the good ones. */
export type ParentMap = ReadonlyMap<CommitId, readonly CommitId[]>;

export interface Question {
  readonly bad: CommitId;
  readonly good: readonly CommitId[];
  readonly skipped: ReadonlySet<CommitId>;
}

/**
 * - `candidate`: the commit to try next, of `suspects` that may have brought it (the bad one among them).
 * - `found`: the first bad commit.
 * - `undecided`: all that could tell were skipped; one of these is the first bad commit.
 */
export type Answer =
  | {
      readonly kind: "candidate";
      readonly commit: CommitId;
      readonly left: number;
      readonly steps: number;
      /** The bad commit and a good one come from it on two lines: where it is bad, too, nothing between it and the bad one is to blame. */
      readonly isMergeBase?: true;
    }
  | { readonly kind: "found"; readonly commit: CommitId }
  | { readonly kind: "undecided"; readonly commits: readonly CommitId[] };

/**
 * Which commit halves what is left, as git-bisect does: suspects are the bad commit's ancestors, itself among them, that are no ancestors
 * of a good one. Trying one with `weight` suspects among its ancestors leaves `weight` of them if it is bad, the rest if it is good.
 */
export function* chooseCandidate(parents: ParentMap, { bad, good, skipped }: Question): Turns<Answer> {
  const suspects = yield* suspectsOf(parents, bad, good);
  if (suspects.length === 1) return { kind: "found", commit: bad };
  const weights = yield* weigh(suspects, parents);
  const gains = weights.map((weight) => Math.min(weight, suspects.length - weight));
  const tried = suspects.flatMap((commit, index) => (commit !== bad && !skipped.has(commit) ? [index] : []));
  if (tried.length === 0) return { kind: "undecided", commits: [...suspects].reverse() };
  const skips = suspects.reduce((count, commit) => count + (skipped.has(commit) ? 1 : 0), 0);
  const chosen = skips === 0 ? best(tried, gains) : awayFromSkipped(tried, gains, skips);
  const left = suspects.length - weights[chosen]! - 1;
  return { kind: "candidate", commit: suspects[chosen]!, left: Math.max(left, 0), steps: stepsFor(suspects.length) };
}

/** To be tried before all others. What is left counts as if it was good. */
export function* mergeBaseAnswer(parents: ParentMap, { bad, good }: Question, base: CommitId): Turns<Answer> {
  const suspects = yield* suspectsOf(parents, bad, [...good, base]);
  const count = suspects.length;
  return { kind: "candidate", commit: base, left: count - 1, steps: stepsFor(count), isMergeBase: true };
}

/** Parents before those that come from them. */
function* suspectsOf(parents: ParentMap, bad: CommitId, good: readonly CommitId[]): Turns<readonly CommitId[]> {
  const seen = yield* ancestors(parents, good);
  const ordered: CommitId[] = [];
  const path: { commit: CommitId; next: number }[] = [{ commit: bad, next: 0 }];
  seen.add(bad);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    if (isTurnDue()) yield;
    const parent = parents.get(top.commit)?.[top.next++];
    if (parent === undefined) {
      ordered.push(top.commit);
      path.pop();
    } else if (!seen.has(parent)) {
      seen.add(parent);
      path.push({ commit: parent, next: 0 });
    }
  }
  return ordered;
}

/** The commits and all that they come from, as far as the map knows. */
export function* ancestors(parents: ParentMap, commits: readonly CommitId[]): Turns<Set<CommitId>> {
  const found = new Set(commits);
  // A set grows while it is walked.
  for (const commit of found) {
    if (isTurnDue()) yield;
    for (const parent of parents.get(commit) ?? []) found.add(parent);
  }
  return found;
}

/** How many suspects each one comes from, itself among them. Only merges are counted anew: all others add themselves to their parent's. */
function* weigh(suspects: readonly CommitId[], parents: ParentMap): Turns<number[]> {
  const numbers = new Map(suspects.map((commit, index) => [commit, index] as const));
  const above = suspects.map((commit) => (parents.get(commit) ?? []).flatMap((parent) => numbers.get(parent) ?? []));
  const weights: number[] = [];
  const stamps = new Int32Array(suspects.length).fill(-1);
  for (const [index, own] of above.entries()) {
    if (isTurnDue()) yield;
    weights.push(own.length > 1 ? reachable(index, above, stamps) : 1 + (own.length === 1 ? weights[own[0]!]! : 0));
  }
  return weights;
}

function reachable(from: number, above: readonly (readonly number[])[], stamps: Int32Array): number {
  const pending = [from];
  stamps[from] = from;
  let count = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    count += 1;
    for (const parent of above[at]!) {
      if (stamps[parent] === from) continue;
      stamps[parent] = from;
      pending.push(parent);
    }
  }
  return count;
}

function best(tried: readonly number[], gains: readonly number[]): number {
  return tried.reduce((found, index) => (gains[index]! > gains[found]! ? index : found), tried[0]!);
}

/** The golden ratio's fraction: its multiples never bunch. */
const SPREAD = 0.618034;

/**
 * What stands beside a skipped commit is likely to be as unfit. So, as git does, the choice moves off the middle, each time elsewhere, and
 * more often a little than far.
 */
function awayFromSkipped(tried: readonly number[], gains: readonly number[], skips: number): number {
  const byGain = [...tried].sort((a, b) => gains[b]! - gains[a]! || a - b);
  return byGain[Math.floor(byGain.length * ((skips * SPREAD) % 1) ** 1.5)]!;
}

/** Steps after this one, about, as git counts them: no suspect needs more than one beyond it. */
export function stepsFor(suspects: number): number {
  const whole = Math.floor(Math.log2(suspects));
  return suspects < 3 ? 0 : 2 ** whole < 3 * (suspects - 2 ** whole) ? whole : whole - 1;
}
