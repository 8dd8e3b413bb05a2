import { VarveError } from "../../core/errors.js";
import type { Containers } from "../../core/ports/containers.js";
import type { Repository } from "../../core/ports/repository.js";
import { memoryHistory } from "../../store/memory/memory-history.js";
import { memoryLayerStore } from "../../store/memory/memory-layer-store.js";
import { memoryOperationLog } from "../../store/memory/memory-operation-log.js";
import { memoryProgress } from "../../store/memory/memory-progress.js";

/** A repository without a disk, for operations on commits. It has no containers and no tracked directory. */
export function memoryRepository(): Repository {
  const missing = (): never => {
    throw new VarveError("TARGET_UNKNOWN", "Cannot use this: a repository in memory has no such part");
  };
  const none = new Proxy({}, { get: () => missing }) as never;
  return {
    path: "/memory",
    layers: memoryLayerStore(),
    history: memoryHistory(),
    operations: memoryOperationLog(),
    containers: { list: () => [], find: missing, clearLost: () => undefined } as unknown as Containers,
    events: { note: () => undefined, open: missing },
    inProgress: memoryProgress(),
    directories: none,
    archives: none,
    forms: none,
    images: none,
    blobs: none,
    histories: none,
    registries: none,
    machine: none,
    worktree: undefined,
    exclusively: (work) => work(),
  };
}
