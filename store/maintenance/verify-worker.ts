import { parentPort, workerData } from "node:worker_threads";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { LayerImages } from "../erofs/layer-images.js";
import { ImageVerifier, type VerifyTask } from "../erofs/verify-image.js";

/** What a worker tells the pool: bytes that it read, or the end of a task. */
export type WorkerAnswer =
  { readonly bytes: number } | { readonly faults: readonly LayerFault[] } | { readonly failure: WorkerFailure };

/** A VarveError, which would lose all but its message on the way. */
export type WorkerFailure = Pick<VarveError, "code" | "message" | "path" | "hint">;

export interface WorkerStart {
  readonly layers: string;
  /** Files of images that stand in other places. */
  readonly elsewhere?: ReadonlyMap<LayerId, string> | undefined;
}

const REPORT_BYTES = 8 << 20;

// A thread of its own, started by store/maintenance/verify-pool.ts: hashing keeps a processor busy, and a signal must still be heard.
if (parentPort !== null) serve(parentPort, workerData as WorkerStart);

function serve(port: NonNullable<typeof parentPort>, { layers, elsewhere }: WorkerStart): void {
  const answer = (message: WorkerAnswer): void => port.postMessage(message);
  let read = 0;
  const verifier = new ImageVerifier(new LayerImages(layers, { elsewhere }), (bytes) => {
    read += bytes;
    if (read < REPORT_BYTES) return;
    answer({ bytes: read });
    read = 0;
  });
  port.on("message", (task: VerifyTask) => {
    try {
      const faults = verifier.verify(task);
      answer({ bytes: read });
      read = 0;
      answer({ faults });
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      const { code, message, path, hint } = error;
      answer({ failure: { code, message, path, hint } });
    }
  });
}
