import { VarveError } from "../errors.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { requireContainerName } from "./container-lifecycle.js";

/**
 * Gives a container another name. Its branch keeps its own, and its process the hostname that it was started with. It stands in no log: the same
 * command takes it back.
 *
 * @throws VarveError TARGET_UNKNOWN, BAD_NAME, NAME_TAKEN.
 */
export async function renameContainer(repository: Repository, from: string, to: string): Promise<ContainerRecord> {
  return repository.exclusively(() => {
    const { record } = repository.containers.find(from);
    requireContainerName(to);
    if (record.name === to) {
      throw new VarveError("NAME_TAKEN", `Cannot rename container "${to}": it has that name already`);
    }
    return Promise.resolve(repository.containers.update(record, { name: to }));
  });
}
