import type { ContainerRecord, ContainerStatus } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";

/**
 * The containers that their restart policy wants to run after a restart of the machine, which ended all: `always`, and `unless-stopped` of those that no
 * person has stopped. None that has never been started.
 */
export function wantedAtBoot({ containers }: Repository): readonly ContainerRecord[] {
  const isWanted = ({ record, state }: ContainerStatus): boolean => {
    const policy = record.configuration.background?.restart.name;
    if (state !== "stopped") return false;
    return policy === "always" || (policy === "unless-stopped" && !containers.restarts(record).stopped);
  };
  return containers
    .list()
    .filter(isWanted)
    .map(({ record }) => record);
}
