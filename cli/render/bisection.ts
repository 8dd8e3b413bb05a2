import type { BisectStep } from "../../core/operations/history/bisect-run.js";
import type { BisectStatus } from "../../core/operations/history/bisect.js";
import type { Judgement } from "../../core/bisect/bisect-state.js";
import type { Commit } from "../../core/model/commit.js";
import type { CommitId } from "../../core/model/ids.js";
import { subject } from "./commit-text.js";
import { shortId } from "./names.js";
import { counted } from "./quantities.js";

const KINDS = { waiting: "waiting", candidate: "testing", found: "found", undecided: "undecided" } as const;

/** What `bisect --json` prints: docs/json.md, "bisect". @param first What `show --json` prints of the first bad commit. */
export function bisectionJson(
  { state, answer }: BisectStatus,
  first: Readonly<Record<string, unknown>> | null,
  steps: readonly BisectStep[],
): Record<string, unknown> {
  const of = (wanted: Judgement["verdict"]): CommitId[] =>
    state.judgements.flatMap(({ verdict, commit }) => (verdict === wanted ? [commit] : []));
  const candidate = answer.kind === "candidate" ? answer : undefined;
  return {
    state: KINDS[answer.kind],
    bad: of("bad").at(-1) ?? null,
    good: of("good"),
    skipped: of("skip"),
    candidate: candidate?.commit ?? null,
    mergeBase: candidate?.isMergeBase ?? false,
    left: candidate?.left ?? null,
    steps: candidate?.steps ?? null,
    first,
    undecided: answer.kind === "undecided" ? answer.commits : [],
    tried: steps.map(({ commit, verdict, exitCode, durationMilliseconds }) => ({
      commit,
      verdict,
      exitCode,
      durationMilliseconds,
    })),
  };
}

/** `499 commits left to test after this, about 9 steps`. */
export function leftWords({ left, steps }: { readonly left: number; readonly steps: number }): string {
  if (left === 0) return "nothing left to test after this";
  return `${counted(left, "commit")} left to test after this, about ${counted(steps, "step")}`;
}

export function candidateHelp(commit: CommitId): string {
  const id = shortId(commit);
  return `Look at it: varve run --rm ${id} -- CMD, or varve mount ${id} DIR\nThen say what it is: varve bisect good, bad or skip`;
}

/** What a bisection that waits needs. */
export function waitingWords({ judgements }: BisectStatus["state"]): string {
  const has = (wanted: Judgement["verdict"]): boolean => judgements.some(({ verdict }) => verdict === wanted);
  const missing = [...(has("bad") ? [] : ["bad"]), ...(has("good") ? [] : ["good"])];
  return `Waiting for a ${missing.join(" and a ")} commit: ${missing.map((verdict) => `varve bisect ${verdict} REV`).join(", ")}`;
}

export function commitRow(commit: Commit): string {
  return `${shortId(commit.id)} ${subject(commit)}\n`;
}

/** As `git bisect log`: a script that says the same again. */
export function judgementText({ verdict }: Judgement, commit: Commit): string {
  return `# ${verdict}: [${shortId(commit.id)}] ${subject(commit)}\nvarve bisect ${verdict} ${commit.id}\n`;
}

export function stepWords({ verdict, exitCode, durationMilliseconds }: BisectStep): string {
  return `${verdict === "skip" ? "skipped" : verdict}: the command ended with ${exitCode} after ${(durationMilliseconds / 1000).toFixed(2)} s`;
}
