import { existsSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ContainerDirectory } from "./container-directory.js";
import { unknownContainer } from "./stored-containers.js";

/**
 * Does `work` on a container that was looked up before. When another command has removed it meanwhile, whatever that makes of `work` is told as of
 * any container that is not there.
 *
 * @throws VarveError TARGET_UNKNOWN, and what `work` throws.
 */
export function whileThere<T>(directory: ContainerDirectory, name: string, work: () => T): T {
  const told = (error: unknown): unknown => {
    const isInterrupted = error instanceof VarveError && error.code === "INTERRUPTED";
    return isInterrupted || existsSync(directory.path) ? error : removedMeanwhile(name);
  };
  const fail = (error: unknown): never => {
    throw told(error);
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(fail) as T) : result;
  } catch (error) {
    return fail(error);
  }
}

export function removedMeanwhile(name: string): VarveError {
  return unknownContainer(name, "another command has removed it meanwhile");
}
