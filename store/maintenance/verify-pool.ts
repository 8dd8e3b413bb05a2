import { statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import { interruptionSignal, yieldToSignals } from "../../core/yield-to-signals.js";
import type { LayerFault, VerifyProgress } from "../../core/ports/store-checks.js";
import { LayerImages } from "../erofs/layer-images.js";
import { ImageVerifier, type VerifyTask } from "../erofs/verify-image.js";
import type { WorkerAnswer, WorkerStart } from "./verify-worker.js";

/** Each holds up to 256 files open. */
const MOST_WORKERS = 8;
/** Below this, starting threads costs more than it saves. */
const WORTH_A_THREAD_BYTES = 4 << 20;
/** A larger layer is read by several workers at once. */
const SHARE_BYTES = 128 << 20;

interface SizedTask extends VerifyTask {
  readonly bytes: number;
}

export interface VerifyOptions extends WorkerStart {
  readonly content: boolean;
  readonly observe: (progress: VerifyProgress) => void;
}

/**
 * Verifies layers on all processors.
 * @returns The damaged ones with their faults.
 * @throws VarveError INTERRUPTED.
 */
export async function verifyLayers(ids: readonly LayerId[], options: VerifyOptions): Promise<Map<LayerId, LayerFault[]>> {
  const workers = Math.min(os.availableParallelism(), MOST_WORKERS);
  const tasks = ids.flatMap((id) => tasksOf(id, options, workers)).sort((a, b) => a.bytes - b.bytes);
  const ofBytes = tasks.reduce((sum, task) => sum + task.bytes, 0);
  const found = new Map<LayerId, LayerFault[]>();
  let bytes = 0;
  const sinks: Sinks = {
    add: (id, faults) => {
      if (faults.length > 0) found.set(id, [...(found.get(id) ?? []), ...faults]);
    },
    // Borrowed contents are read for each layer that borrows them, so that it may be more.
    read: (count) => options.observe({ bytes: Math.min((bytes += count), ofBytes), ofBytes }),
  };
  if (ofBytes < WORTH_A_THREAD_BYTES) await verifyHere(tasks, options, sinks);
  else await verifyInWorkers(tasks, options, Math.min(workers, tasks.length), sinks);
  return found;
}

interface Sinks {
  add(id: LayerId, faults: readonly LayerFault[]): void;
  read(bytes: number): void;
}

function tasksOf(id: LayerId, { layers, elsewhere, content }: VerifyOptions, workers: number): SizedTask[] {
  const length = statSync(elsewhere?.get(id) ?? path.join(layers, id), { throwIfNoEntry: false })?.size ?? 0;
  const shares = content ? Math.min(workers, Math.max(1, Math.ceil(length / SHARE_BYTES))) : 1;
  return Array.from({ length: shares }, (_, share) => ({ id, share, shares, content, bytes: length / shares }));
}

async function verifyHere(tasks: readonly SizedTask[], { layers, elsewhere }: WorkerStart, sinks: Sinks): Promise<void> {
  const images = new LayerImages(layers, { elsewhere });
  try {
    const verifier = new ImageVerifier(images, sinks.read);
    for (const task of tasks) {
      sinks.add(task.id, verifier.verify(task));
      await yieldToSignals();
    }
  } finally {
    images.close();
  }
}

/** @param tasks The largest last: it is begun first. */
async function verifyInWorkers(
  tasks: SizedTask[],
  { layers, elsewhere }: WorkerStart,
  count: number,
  sinks: Sinks,
): Promise<void> {
  const start: WorkerStart = { layers, elsewhere };
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL("./verify-worker.js", import.meta.url), { workerData: start }),
  );
  const signal = interruptionSignal();
  const stop = (): void => {
    for (const worker of workers) void worker.terminate();
  };
  signal.addEventListener("abort", stop);
  try {
    await Promise.all(workers.map((worker) => serveWorker(worker, tasks, sinks)));
  } catch (error) {
    if (signal.aborted) await yieldToSignals();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Resolves when no task is left for it. */
function serveWorker(worker: Worker, tasks: SizedTask[], sinks: Sinks): Promise<void> {
  return new Promise((resolve, reject) => {
    let current: SizedTask | undefined;
    const next = (): void => {
      current = tasks.pop();
      if (current === undefined) resolve();
      else worker.postMessage(current);
    };
    worker.on("message", (answer: WorkerAnswer) => {
      if ("bytes" in answer) return sinks.read(answer.bytes);
      if ("failure" in answer) return reject(new VarveError(answer.failure.code, answer.failure.message, answer.failure));
      if (current !== undefined) sinks.add(current.id, answer.faults);
      next();
    });
    worker.on("error", (error) => reject(threadFailure(error)));
    worker.on("exit", () => reject(new RangeError("a worker ended before its work did")));
    next();
  });
}

function threadFailure(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INIT_FAILED") return error;
  return new VarveError("IO", `Cannot start a thread: ${error.message}`, {
    hint: "Let a process open more files (ulimit -n) or have more memory, then run the command again.",
    cause: error,
  });
}
