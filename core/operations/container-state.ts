import { VarveError } from "../errors.js";
import type { ContainerRecord, ContainerState } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { headOf, type Target } from "./targets.js";

/** @throws VarveError CONTAINER_RUNNING while a process is in it, paused or not. */
export function requireStopped({ record, state }: { record: ContainerRecord; state: ContainerState }, verb: string): void {
  if (state === "created" || state === "stopped") return;
  throw new VarveError("CONTAINER_RUNNING", `Cannot ${verb} container "${record.name}": it is ${state}, wanted stopped`, {
    hint: `Stop it first: varve stop ${record.name}`,
  });
}

/** Whether nothing stands above the commit that is its HEAD: told without reading a tree. */
export async function isUntouched(repository: Repository, target: Extract<Target, { kind: "container" }>): Promise<boolean> {
  return repository.containers.isFresh(target.record) && target.record.base === (await headOf(repository, target)).commit;
}
