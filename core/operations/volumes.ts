import { VarveError } from "../errors.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import type { NamedVolume, Volumes } from "../ports/volumes.js";

/**
 * Removes volumes with all that is in them, which nothing brings back.
 * @throws VarveError TARGET_UNKNOWN, VOLUME_BUSY; then none is removed.
 */
export async function removeVolumes(repository: Repository, volumes: Volumes, names: readonly string[]): Promise<void> {
  const distinct = [...new Set(names)];
  await repository.exclusively(async () => {
    for (const name of distinct) {
      volumes.find(name);
      const users = usersOf(repository, name);
      if (users.length > 0) throw busy(name, users);
    }
    for (const name of distinct) volumes.remove(name);
  });
}

/** The volumes that no container has. */
export function unusedVolumes(repository: Repository, volumes: Volumes): readonly NamedVolume[] {
  return volumes.list().filter(({ name }) => usersOf(repository, name).length === 0);
}

/** Containers that have a volume, whether or not they run. */
export function usersOf({ containers }: Repository, volume: string): readonly ContainerRecord[] {
  return containers
    .list()
    .map(({ record }) => record)
    .filter(({ configuration }) => configuration.volumes.some(({ named, source }) => named === true && source === volume));
}

function busy(volume: string, users: readonly ContainerRecord[]): VarveError {
  const names = users.map(({ name }) => name);
  return new VarveError(
    "VOLUME_BUSY",
    `Cannot remove the volume "${volume}": ${names.length === 1 ? "container" : "containers"} ${names.join(", ")} would lack it`,
    {
      hint: `Remove ${names.length === 1 ? "that container" : "those containers"} first: varve rm ${names.join(" ")}`,
    },
  );
}
