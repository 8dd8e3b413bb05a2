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
  const sourceOf = ({ source, named: isNamed, anonymous = false }: Volume): string =>
    isNamed === true ? named.create(source, { anonymous }).path : source;
  return { ...configuration, volumes: volumes.map((volume) => ({ ...volume, source: sourceOf(volume) })) };
}

/** Gives new volumes what the root holds at their places. @param root A descriptor of the mounted root. */
export function fillVolumes({ volumes }: RunConfiguration, root: number): void {
  for (const { named, noCopy, source, destination } of volumes) {
    if (named === true && noCopy !== true) fillVolume(source, root, latin1(destination));
  }
}

/** Makes those without a name, for a container that is being made. @param directory `<store>/volumes`. */
export function makeAnonymousVolumes({ volumes }: RunConfiguration, directory: string): void {
  for (const { source, anonymous } of volumes) if (anonymous === true) openVolumes(directory).create(source, { anonymous });
}

/** Removes those without a name of a container that is gone. @param others The configurations of those that stay. */
export function removeAnonymousVolumes(
  { volumes }: RunConfiguration,
  directory: string,
  others: readonly RunConfiguration[],
): void {
  const kept = new Set(others.flatMap((other) => other.volumes.filter(({ named }) => named).map(({ source }) => source)));
  for (const { source, anonymous } of volumes) if (anonymous === true && !kept.has(source)) openVolumes(directory).remove(source);
}
