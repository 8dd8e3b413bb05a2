import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

/** One thing to time: a command line for `sh`, and what must be done before and after each time, outside the measurement. */
export interface Contender {
  readonly name: string;
  readonly line: string;
  readonly before?: () => void;
  readonly after?: () => void;
}

export interface Comparison {
  readonly ours: Contender;
  readonly rival: Contender;
  readonly rounds: number;
  /** One round before the others that does not count: it fills caches. */
  readonly warmUp: boolean;
}

export interface Timing {
  readonly ourMilliseconds: number;
  readonly rivalMilliseconds: number;
  /** Ours in units of the rival's. */
  readonly ratio: number;
}

/** Ours and the rival's in turn, so that both meet the same weather; medians. */
export function compare({ ours, rival, rounds, warmUp }: Comparison, environment: NodeJS.ProcessEnv): Timing {
  const times = { ours: [] as number[], rival: [] as number[] };
  for (let round = warmUp ? -1 : 0; round < rounds; round += 1) {
    const [first, second] = [timeOnce(ours, environment), timeOnce(rival, environment)];
    if (round < 0) continue;
    times.ours.push(first);
    times.rival.push(second);
  }
  const [ourMilliseconds, rivalMilliseconds] = [median(times.ours), median(times.rival)];
  return { ourMilliseconds, rivalMilliseconds, ratio: ourMilliseconds / rivalMilliseconds };
}

function timeOnce({ name, line, before, after }: Contender, environment: NodeJS.ProcessEnv): number {
  before?.();
  // What others wrote is on the disk before the clock starts.
  spawnSync("sync");
  const start = performance.now();
  const result = spawnSync("sh", ["-c", `exec ${line}`], {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  const milliseconds = performance.now() - start;
  if (result.status !== 0) throw new TypeError(`${name}: \`${line}\` ended with status ${result.status}: ${result.stderr}`);
  after?.();
  return milliseconds;
}

/**
 * The most memory that a Node program had at once, in bytes. VmHWM is of the process alone, unlike wait4's maximum, which a
 * large parent raises.
 *
 * @param scratch A file that may be written and removed.
 */
export function peakMemory({ line, before, after }: Contender, environment: NodeJS.ProcessEnv, scratch: string): number {
  before?.();
  const script = `${scratch}.cjs`;
  writeFileSync(
    script,
    `const fs = require("node:fs");
     process.on("exit", () => fs.writeFileSync(${JSON.stringify(scratch)}, /VmHWM:\\s+(\\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]));`,
  );
  const env = { ...environment, NODE_OPTIONS: `--require=${script}` };
  const result = spawnSync("sh", ["-c", `exec ${line}`], { env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (result.status !== 0) throw new TypeError(`\`${line}\` ended with status ${result.status}: ${result.stderr}`);
  const kibibytes = Number(readFileSync(scratch, "utf8"));
  for (const file of [script, scratch]) rmSync(file, { force: true });
  after?.();
  return kibibytes * 1024;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
