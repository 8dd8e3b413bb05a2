import { VarveError } from "../errors.js";
import type { ContainerRecord, ContainerState } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { headOf, type Target } from "./targets.js";

/**
 * @param restartable Whether the command has --restart.
 * @throws VarveError CONTAINER_RUNNING while a process is in it, paused or not.
 */
export function requireStopped(
  { record, state }: { record: ContainerRecord; state: ContainerState },
  verb: string,
  restartable = false,
): void {
  if (state === "created" || state === "stopped") return;
  const restart = restartable && record.configuration.background !== undefined;
  throw new VarveError("CONTAINER_RUNNING", `Cannot ${verb} container "${record.name}": it is ${state}, wanted stopped`, {
    hint: `Stop it first: varve stop ${record.name}${restart ? ". Or give --restart, which stops it and starts it again." : ""}`,
  });
}

/** Whether nothing stands above the commit that is its HEAD: told without reading a tree. */
export async function isUntouched(repository: Repository, target: Extract<Target, { kind: "container" }>): Promise<boolean> {
  return repository.containers.isFresh(target.record) && target.record.base === (await headOf(repository, target)).commit;
}
