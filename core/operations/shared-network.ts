import type { Containers, RunConfiguration } from "../ports/containers.js";

const BY_NAME = /^container:(.*)$/s;

/** `container:NAME`, as people give it, becomes `container:ID`, which a new name of that container does not change. @throws VarveError TARGET_UNKNOWN. */
export function withSharedNetwork(containers: Containers, configuration: RunConfiguration): RunConfiguration {
  const [, name] = BY_NAME.exec(configuration.network) ?? [];
  return name === undefined ? configuration : { ...configuration, network: `container:${containers.find(name).record.id}` };
}
