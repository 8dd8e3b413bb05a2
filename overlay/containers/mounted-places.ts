import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import { normalizePath } from "../../core/model/paths.js";
import type { MountedPlace, RunConfiguration, Volume } from "../../core/ports/containers.js";
import { mountTable } from "../../linux/mount-table.js";
import { isSystemPlace } from "../rootfs/path-destination.js";
import { volumePath } from "../volumes/named-volumes.js";
import { IDENTITY_FILES } from "./container-mounts.js";

/** `Containers.mountedPlaces`. @param pid The container's first process, while there is one. @param named `<store>/volumes`. */
export function mountedPlaces(
  pid: number | undefined,
  { volumes, tmpfs = [] }: RunConfiguration,
  named: string,
): readonly MountedPlace[] {
  const places = new Map<ByteString, string | undefined>();
  const given = new Map<ByteString, string | undefined>([
    ...tmpfs.map(({ destination }) => [placeOf(destination), undefined] as const),
    ...volumes.map((volume) => [placeOf(volume.destination), sourceOf(volume, named)] as const),
  ]);
  for (const place of pid === undefined ? given.keys() : mountsOf(pid, given)) places.set(place, given.get(place));
  return [...places].map(([path, source]) => ({ path, source })).sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function placeOf(destination: string): ByteString {
  return normalizePath(bytesOfText(destination));
}

function sourceOf({ source, named: isNamed }: Volume, named: string): string {
  return isNamed === true ? volumePath(named, source) : source;
}

/** What is mounted, but not what every container has. A volume counts wherever it is. */
function mountsOf(pid: number, given: ReadonlyMap<ByteString, unknown>): readonly ByteString[] {
  return mountTable(pid).flatMap(({ place }) => {
    const path = normalizePath(place as ByteString);
    if (given.has(path)) return [path];
    return path === "" || isSystemPlace(place) || IDENTITY_FILES.includes(place) ? [] : [path];
  });
}
