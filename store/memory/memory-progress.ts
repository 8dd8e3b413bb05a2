import type { Progress, ProgressSlot, WorkInProgress } from "../../core/ports/work-in-progress.js";

export function memoryProgress(): WorkInProgress {
  const kept = new Map<ProgressSlot, Progress>();
  return {
    read: (slot) => kept.get(slot),
    write: (slot, progress) => {
      if (progress === undefined) kept.delete(slot);
      else kept.set(slot, structuredClone(progress));
    },
    list: () => [...kept].sort(([a], [b]) => (a < b ? -1 : 1)).map(([slot, progress]) => ({ slot, progress })),
  };
}
