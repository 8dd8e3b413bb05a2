import { VarveError } from "../errors.js";
import { parseCommitId, type CommitId } from "../model/ids.js";
import type { Progress } from "../ports/work-in-progress.js";
import type { Question } from "./choose-candidate.js";

export const VERDICTS = ["good", "bad", "skip"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Judgement {
  readonly verdict: Verdict;
  readonly commit: CommitId;
}

/** What a bisection knows: all that was said, in order. */
export interface BisectState {
  readonly judgements: readonly Judgement[];
  /** What was proposed last: the commit that a verdict without a name is about. */
  readonly candidate?: CommitId | undefined;
}

/** Where the store keeps its one bisection. */
export const BISECT_SLOT = "bisect";

export function progressOf(state: BisectState): Progress {
  const { judgements, candidate } = state;
  const commits = [...new Set([...judgements.map(({ commit }) => commit), ...(candidate === undefined ? [] : [candidate])])];
  return { kind: "bisect", commits, state: { judgements, ...(candidate !== undefined && { candidate }) } };
}

/** Reads what stands in the store as hostile. @throws VarveError STORE_DAMAGED. */
export function stateOf({ kind, state }: Progress): BisectState {
  try {
    const { judgements, candidate } = state;
    if (kind !== "bisect") throw new TypeError(`it tells of a ${kind}`);
    if (!Array.isArray(judgements)) throw new TypeError('"judgements" is no list');
    return {
      judgements: judgements.map(judgementOf),
      ...(candidate !== undefined && { candidate: parseCommitId(candidate) }),
    };
  } catch (error) {
    throw new VarveError("STORE_DAMAGED", `Cannot go on with the bisection: what is kept of it can't be read`, {
      hint: "Give it up with `varve bisect reset`, and start anew.",
      cause: error,
    });
  }
}

function judgementOf(value: unknown): Judgement {
  const { verdict, commit } = value as Partial<Record<keyof Judgement, unknown>>;
  const known = VERDICTS.find((each) => each === verdict);
  if (known === undefined) throw new TypeError('"verdict" is none that is known');
  return { verdict: known, commit: parseCommitId(commit) };
}

/** What is to be decided; `undefined` while no bad commit, or no good one, is known. The last bad one counts. */
export function questionOf({ judgements }: BisectState): Question | undefined {
  const of = (wanted: Verdict): CommitId[] => judgements.flatMap(({ verdict, commit }) => (verdict === wanted ? [commit] : []));
  const bad = of("bad").at(-1);
  const good = of("good");
  return bad === undefined || good.length === 0 ? undefined : { bad, good, skipped: new Set(of("skip")) };
}

/** A later word on a commit that was skipped counts; one that contradicts a good or bad is refused. @throws VarveError CONTRADICTION. */
export function withJudgement({ judgements, candidate }: BisectState, said: Judgement): BisectState {
  const earlier = judgements.filter(({ commit }) => commit === said.commit);
  const opposite = said.verdict === "good" ? "bad" : said.verdict === "bad" ? "good" : undefined;
  if (earlier.some(({ verdict }) => verdict === opposite)) {
    throw new VarveError(
      "CONTRADICTION",
      `Cannot call commit "${said.commit.slice(0, 12)}" ${said.verdict}: it was called ${String(opposite)} before`,
      { hint: "`varve undo` takes the last verdict back; `varve bisect log` lists them all, `varve bisect reset` gives up." },
    );
  }
  if (earlier.some(({ verdict }) => verdict === said.verdict)) return { judgements, candidate };
  const others = judgements.filter(({ commit, verdict }) => commit !== said.commit || verdict !== "skip");
  const isDecided = said.verdict === "skip" && earlier.length > 0;
  return { judgements: isDecided ? judgements : [...others, { verdict: said.verdict, commit: said.commit }], candidate };
}
