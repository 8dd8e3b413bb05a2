// Feeds changed bytes to the readers of strangers' bytes. Deterministic: an execution depends on the seed and its number alone.
//
// npm run fuzz -- [--target NAME] [--executions N] [--seed S] [--first K]      without --target: all, N each
//
// The executions run in a worker; a watchdog ends one that hangs, and tells its number. Exit status 1 when there were findings; their
// inputs are kept in fixtures/fuzz/crashers.
import { fileURLToPath } from "node:url";
import path from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { keepFinding, runExecutions, type FuzzReport } from "./run-executions.js";
import { TARGETS } from "./targets.js";

const CRASHERS = path.resolve("fixtures/fuzz/crashers");
const HANG_MILLISECONDS = 60_000;
const HEAP_MEGABYTES = 512;
const MOST_RESIDENT_BYTES = 1 << 30;
const TELL_MILLISECONDS = 30_000;

interface Work {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  readonly executions: number;
  /** The execution that is under way. */
  readonly progress: SharedArrayBuffer;
}

if (isMainThread) process.exitCode = (await main()) ? 0 : 1;
else await work(workerData as Work);

async function main(): Promise<boolean> {
  const options = {
    target: { type: "string" },
    executions: { type: "string" },
    seed: { type: "string" },
    first: { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const number = (text: string | undefined, otherwise: number): number => (text === undefined ? otherwise : Number(text));
  let isClean = true;
  for (const target of values.target === undefined ? Object.keys(TARGETS) : [values.target]) {
    const progress = new SharedArrayBuffer(4);
    const run = { seed: number(values.seed, 1), first: number(values.first, 0), executions: number(values.executions, 1000) };
    isClean = (await watched({ target, ...run, progress })) && isClean;
  }
  return isClean;
}

function watched(data: Work): Promise<boolean> {
  const { target, seed, progress, first } = data;
  const current = new Int32Array(progress);
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES },
  });
  const began = performance.now();
  let [last, since, told] = [-1, began, began];
  return new Promise((resolve) => {
    const finish = (isClean: boolean): void => {
      clearInterval(timer);
      void worker.terminate();
      resolve(isClean);
    };
    const fail = (what: string): void => {
      say(`${target}: ${what} in execution ${current[0]} of seed ${seed}`);
      finish(false);
    };
    const timer = setInterval(() => {
      const now = performance.now();
      if (current[0] !== last) [last, since] = [current[0] ?? 0, now];
      if (now - since > HANG_MILLISECONDS) fail("hang");
      if (process.memoryUsage.rss() > MOST_RESIDENT_BYTES) fail(`${process.memoryUsage.rss()} bytes of memory`);
      if (now - told < TELL_MILLISECONDS) return;
      told = now;
      say(`${target}: ${last - first} executions after ${Math.round((now - began) / 1000)} s`);
    }, 500);
    worker.on("error", (error) => fail(String(error)));
    worker.on("message", (report: FuzzReport) => {
      tell(data, report, performance.now() - began);
      finish(report.findings.length === 0);
    });
  });
}

function tell(
  { target, seed, first }: Work,
  { outcomes, findings, slowestMilliseconds }: FuzzReport,
  milliseconds: number,
): void {
  const executions = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const counts = Object.entries(outcomes)
    .sort()
    .map(([outcome, count]) => `${outcome}: ${count}`);
  say(`${target}: ${executions} executions from ${first} on, seed ${seed}, in ${Math.round(milliseconds / 1000)} s`);
  say(`  ${counts.join(", ")}; slowest ${Math.round(slowestMilliseconds)} ms`);
  for (const finding of findings) {
    const input = { ...finding.input, bytes: Buffer.from(finding.input.bytes) };
    say(
      `  FINDING in execution ${finding.execution}, kept as ${keepFinding(CRASHERS, target, { ...finding, input })}\n${finding.what}`,
    );
  }
}

async function work({ target: name, seed, first, executions, progress }: Work): Promise<void> {
  const current = new Int32Array(progress);
  const make = TARGETS[name];
  if (make === undefined) throw new RangeError(`no target ${name}: ${Object.keys(TARGETS).join(", ")}`);
  const target = await make();
  try {
    const onExecution = (execution: number): void => void Atomics.store(current, 0, execution);
    parentPort?.postMessage(await runExecutions(target, { seed, first, executions, onExecution }));
  } finally {
    target.dispose();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
