import { VarveError } from "../../errors.js";
import type { CommitId } from "../../model/ids.js";
import type { History } from "../../ports/history.js";
import type { Progress } from "../../ports/work-in-progress.js";
import type { Repository } from "../../ports/repository.js";
import {
  ancestors,
  chooseCandidate,
  mergeBaseAnswer,
  type Answer,
  type ParentMap,
  type Question,
} from "../../bisect/choose-candidate.js";
import {
  BISECT_SLOT,
  progressOf,
  questionOf,
  stateOf,
  withJudgement,
  type BisectState,
  type Judgement,
  type Verdict,
} from "../../bisect/bisect-state.js";
import { mergeBases } from "../../history/merge-base.js";
import { inTurns } from "../../turns.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { recordOperation } from "../record-operation.js";

/** Where a bisection stands; `waiting` while no good commit, or no bad one, is known. */
export interface BisectStatus {
  readonly state: BisectState;
  readonly answer: Answer | { readonly kind: "waiting" };
}

export interface BisectStart {
  readonly judgements: readonly Judgement[];
  /** What the person typed, for the operation log. */
  readonly command: string;
}

/** @throws VarveError IN_PROGRESS; CONTRADICTION when good and bad are swapped or have nothing in common; MERGE_BASE_BAD. */
export async function startBisection(repository: Repository, { judgements, command }: BisectStart): Promise<BisectStatus> {
  return repository.exclusively(async () => {
    if (repository.inProgress.read(BISECT_SLOT) !== undefined) {
      throw new VarveError("IN_PROGRESS", "Cannot start a bisection: one is in progress, and a store has one at a time", {
        hint: "Go on with it (`varve bisect` shows where it stands), or give it up: varve bisect reset",
      });
    }
    const state = judgements.reduce<BisectState>(withJudgement, { judgements: [] });
    return settle(repository, undefined, state, command);
  });
}

export interface JudgeOptions {
  readonly verdict: Verdict;
  /** None: the candidate that was shown last. */
  readonly commits: readonly CommitId[];
  readonly command: string;
}

/** @throws VarveError NOTHING_IN_PROGRESS, CONTRADICTION, MERGE_BASE_BAD; USAGE when no commit is named and none was proposed. */
export async function judgeCommits(repository: Repository, { verdict, commits, command }: JudgeOptions): Promise<BisectStatus> {
  return repository.exclusively(async () => {
    const before = progressOrThrow(repository);
    const state = stateOf(before);
    const named = commits.length > 0 ? commits : [state.candidate ?? throwNoCandidate(verdict)];
    const judged = named.reduce((at, commit) => withJudgement(at, { verdict, commit }), state);
    return settle(repository, before, judged, command);
  });
}

/** @throws VarveError NOTHING_IN_PROGRESS. */
export async function readBisection(repository: Repository): Promise<BisectStatus> {
  const state = stateOf(progressOrThrow(repository));
  const { answer } = await decide(repository.history, state);
  return { state, answer };
}

/** Ends it, and forgets what was said. @throws VarveError NOTHING_IN_PROGRESS. */
export async function resetBisection(repository: Repository, { command }: { readonly command: string }): Promise<void> {
  await repository.exclusively(async () => {
    const before = progressOrThrow(repository);
    const progress = [{ slot: BISECT_SLOT, before, after: undefined }];
    await recordOperation(repository, { command, refs: [], trees: [], progress });
  });
}

export function progressOrThrow({ inProgress }: Repository): Progress {
  const progress = inProgress.read(BISECT_SLOT);
  if (progress !== undefined) return progress;
  throw new VarveError("NOTHING_IN_PROGRESS", "Cannot go on with a bisection: none is in progress", {
    hint: "Begin one with a commit that is bad, and an earlier one that is good: varve bisect start BAD GOOD",
  });
}

async function settle(
  repository: Repository,
  before: Progress | undefined,
  state: BisectState,
  command: string,
): Promise<BisectStatus> {
  const status = await decided(repository.history, state);
  const progress = [{ slot: BISECT_SLOT, before, after: progressOf(status.state) }];
  await recordOperation(repository, { command, refs: [], trees: [], progress });
  return status;
}

async function decided(history: History, state: BisectState): Promise<BisectStatus> {
  const { answer } = await decide(history, state);
  return { state: withCandidate(state, answer), answer };
}

export function withCandidate({ judgements }: BisectState, answer: BisectStatus["answer"]): BisectState {
  return { judgements, candidate: answer.kind === "candidate" ? answer.commit : undefined };
}

/** @param known Of an earlier step: what is read once is not read again. @throws VarveError CONTRADICTION, MERGE_BASE_BAD. */
export async function decide(
  history: History,
  state: BisectState,
  known?: ParentMap,
): Promise<{ readonly answer: BisectStatus["answer"]; readonly parents: ParentMap | undefined }> {
  const question = questionOf(state);
  if (question === undefined) return { answer: { kind: "waiting" }, parents: known };
  const { bad, good } = question;
  const isKnown = [bad, ...good].every((commit) => known?.has(commit));
  const parents = known !== undefined && isKnown ? known : await readParents(history, [bad, ...good]);
  const base = await untestedBase(history, parents, state, question);
  const turns = base === undefined ? chooseCandidate(parents, question) : mergeBaseAnswer(parents, question, base);
  return { answer: await inTurns(turns), parents };
}

async function readParents(history: History, from: readonly CommitId[]): Promise<ParentMap> {
  const parents = new Map<CommitId, readonly CommitId[]>();
  const pending = [...from];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (parents.has(id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const commit = await history.readCommit(id);
    parents.set(id, commit.parents);
    pending.push(...commit.parents);
  }
  return parents;
}

/**
 * A good commit that the bad one does not come from says nothing of the commits between, unless what both come from is good, too: that is to be
 * tried first, as git does. One that was skipped is taken for good.
 *
 * @returns `undefined` when nothing of that kind is left to try.
 * @throws VarveError CONTRADICTION when the two are swapped or have nothing in common; MERGE_BASE_BAD.
 */
async function untestedBase(
  history: History,
  parents: ParentMap,
  state: BisectState,
  { bad, good, skipped }: Question,
): Promise<CommitId | undefined> {
  const before = await inTurns(ancestors(parents, [bad]));
  const [direct, stray] = [good.filter((each) => before.has(each)), good.filter((each) => !before.has(each))];
  const known = await inTurns(ancestors(parents, direct));
  for (const commit of stray) {
    if ((await inTurns(ancestors(parents, [commit]))).has(bad)) throw await afterBad(parents, state, bad, commit);
    const bases = await mergeBases(history, bad, commit);
    if (bases.length === 0) throw nothingInCommon(bad, commit);
    const base = bases.find((each) => !known.has(each) && !skipped.has(each));
    if (base !== undefined) return base;
  }
  return undefined;
}

/** A bad commit that was found from a worse one is what both come from; the first to be named was swapped with the good one. */
async function afterBad(parents: ParentMap, { judgements }: BisectState, bad: CommitId, good: CommitId): Promise<VarveError> {
  const goodLine = await inTurns(ancestors(parents, [good]));
  const worse = judgements.find(({ verdict, commit }) => verdict === "bad" && commit !== bad && !goodLine.has(commit));
  return worse === undefined ? swapped(bad, good) : mended(bad, good);
}

function swapped(bad: CommitId, good: CommitId): VarveError {
  const [badId, goodId] = [bad.slice(0, 12), good.slice(0, 12)];
  return new VarveError(
    "CONTRADICTION",
    `Cannot bisect: the good commit "${goodId}" comes after the bad one "${badId}", wanted before it`,
    {
      hint: `Are they swapped? Then: varve bisect start ${goodId} ${badId}. To find what mended something, call "bad" what has the change, and "good" what lacks it.`,
    },
  );
}

function mended(base: CommitId, good: CommitId): VarveError {
  const [baseId, goodId] = [base.slice(0, 12), good.slice(0, 12)];
  return new VarveError(
    "MERGE_BASE_BAD",
    `Cannot bisect: the merge base "${baseId}" is bad, so that it was mended between it and the good commit "${goodId}"`,
    {
      hint: `To find what mended it, call "bad" what has the fix: varve bisect reset, then varve bisect start ${goodId} ${baseId}. Or name a good commit that "${baseId}" comes from.`,
    },
  );
}

function nothingInCommon(bad: CommitId, good: CommitId): VarveError {
  const [badId, goodId] = [bad.slice(0, 12), good.slice(0, 12)];
  return new VarveError(
    "CONTRADICTION",
    `Cannot bisect: the bad commit "${badId}" and the good one "${goodId}" have no history in common`,
    { hint: `Name a good commit that "${badId}" comes from: varve log ${badId} lists them.` },
  );
}

function throwNoCandidate(verdict: Verdict): never {
  throw new VarveError("USAGE", `Cannot call a commit ${verdict}: none was proposed yet, wanted one by name`, {
    hint: `Say which: varve bisect ${verdict} REV. A bisection needs a bad commit and a good one.`,
  });
}
