import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { FuzzTarget } from "./fuzz-target.js";
import { Random } from "./random.js";

/** Of the processors' time, so that a busy machine is no finding. A hang is the watchdog's. */
const SLOW_MILLISECONDS = 5000;

export interface Finding {
  readonly execution: number;
  readonly what: string;
  readonly input: { readonly name: string; readonly bytes: Buffer };
}

export interface FuzzReport {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly slowestMilliseconds: number;
}

export interface FuzzRun {
  readonly seed: number;
  /** Number of the first execution: each depends on the seed and its number alone. */
  readonly first?: number;
  readonly executions: number;
  /** Called before each execution. */
  readonly onExecution?: (execution: number) => void;
  /** Stops after so many findings. */
  readonly mostFindings?: number;
}

export async function runExecutions(target: FuzzTarget, run: FuzzRun): Promise<FuzzReport> {
  const outcomes: Record<string, number> = {};
  const findings: Finding[] = [];
  let slowestMilliseconds = 0;
  const first = run.first ?? 0;
  for (let execution = first; execution < first + run.executions; execution += 1) {
    run.onExecution?.(execution);
    const input = target.mutate(new Random(run.seed, execution));
    const began = process.cpuUsage();
    const what = await outcomeOf(target, input);
    const { user, system } = process.cpuUsage(began);
    const milliseconds = (user + system) / 1000;
    slowestMilliseconds = Math.max(slowestMilliseconds, milliseconds);
    const outcome = milliseconds > SLOW_MILLISECONDS ? `took ${Math.round(milliseconds)} ms` : what;
    const kind = /^(read|refused \w+)$/.test(outcome) ? outcome : "FINDING";
    outcomes[kind] = (outcomes[kind] ?? 0) + 1;
    if (kind !== "FINDING") continue;
    findings.push({ execution, what: outcome, input: target.save(input) });
    if (findings.length >= (run.mostFindings ?? 10)) break;
  }
  return { outcomes, findings, slowestMilliseconds };
}

/** @returns `read`, `refused CODE`, or what went wrong. */
export async function outcomeOf(target: FuzzTarget, input: unknown): Promise<string> {
  try {
    return await target.execute(input);
  } catch (error) {
    if (error instanceof VarveError) return error.code === "BUG" ? `BUG ${error.stack ?? ""}` : `refused ${error.code}`;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** Keeps a finding's input, so that test/fuzz/readers.test.ts replays it from then on. */
export function keepFinding(folder: string, target: string, { input }: Finding): string {
  const name = input.name === "" ? createHash("sha256").update(input.bytes).digest("hex").slice(0, 16) : input.name;
  mkdirSync(path.join(folder, target), { recursive: true });
  const file = path.join(folder, target, name);
  writeFileSync(file, input.bytes);
  return file;
}
