import { VarveError } from "../errors.js";
import type { ContainerRecord, ContainerState } from "../ports/containers.js";

/** @throws VarveError CONTAINER_RUNNING while a process is in it, paused or not. */
export function requireStopped({ record, state }: { record: ContainerRecord; state: ContainerState }, verb: string): void {
  if (state === "created" || state === "stopped") return;
  throw new VarveError("CONTAINER_RUNNING", `Cannot ${verb} container "${record.name}": it is ${state}, wanted stopped`, {
    hint: `Stop it first: varve stop ${record.name}`,
  });
}
