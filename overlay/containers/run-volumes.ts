import type { RunConfiguration, Volume } from "../../core/ports/containers.js";
import { fillVolume } from "../volumes/fill-volume.js";
import { openVolumes } from "../volumes/named-volumes.js";
import { latin1 } from "./container-directory.js";

/**
 * The configuration with a directory of this machine in place of each volume's name. A volume that is not there is made, as by docker.
 *
 * @param directory `<store>/volumes`. @throws VarveError BAD_NAME, STORE_DAMAGED.
 */
export function withVolumePaths(configuration: RunConfiguration, directory: string): RunConfiguration {
  const { volumes } = configuration;
  if (!volumes.some(({ named }) => named)) return configuration;
  const named = openVolumes(directory);
  const sourceOf = ({ source, named: isNamed }: Volume): string => (isNamed === true ? named.create(source).path : source);
  return { ...configuration, volumes: volumes.map((volume) => ({ ...volume, source: sourceOf(volume) })) };
}

/** Gives new volumes what the root holds at their places. @param root A descriptor of the mounted root. */
export function fillVolumes({ volumes }: RunConfiguration, root: number): void {
  for (const { named, noCopy, source, destination } of volumes) {
    if (named === true && noCopy !== true) fillVolume(source, root, latin1(destination));
  }
}
