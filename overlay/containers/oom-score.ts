import { readFileSync } from "node:fs";
import { VarveError } from "../../core/errors.js";

const CAP_SYS_RESOURCE = 24n;

/** A runtime that may not set the score ends without a word of why. @throws VarveError UNSUPPORTED. */
export function requireOomScore(score: number | undefined): void {
  if (score === undefined) return;
  const own = Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
  const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  if (score >= own || ((BigInt(`0x${held}`) >> CAP_SYS_RESOURCE) & 1n) === 1n) return;
  throw new VarveError(
    "UNSUPPORTED",
    `Cannot give the process ${score} as --oom-score-adj: only who has CAP_SYS_RESOURCE may go below ${own}`,
    { hint: "Run varve with that capability, or leave the option out." },
  );
}
