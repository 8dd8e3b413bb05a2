import { VarveError } from "../errors.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { requireContainerName } from "./container-lifecycle.js";
import { requireNamesFree } from "./free-names.js";
import { recordOperation } from "./record-operation.js";

/**
 * Gives a container another name. Its branch keeps its own, and its process the hostname that it was started with.
 *
 * @param command What the person typed, for the operation log.
 * @throws VarveError TARGET_UNKNOWN, BAD_NAME, NAME_TAKEN.
 */
export async function renameContainer(
  repository: Repository,
  from: string,
  to: string,
  { command }: { readonly command: string },
): Promise<ContainerRecord> {
  return repository.exclusively(async () => {
    const { id, name } = repository.containers.find(from).record;
    requireContainerName(to);
    if (name === to) throw new VarveError("NAME_TAKEN", `Cannot rename container "${to}": it has that name already`);
    const names = [{ container: id, before: name, after: to }];
    requireNamesFree(repository, names);
    await recordOperation(repository, { command, refs: [], trees: [], names });
    return repository.containers.find(id).record;
  });
}
