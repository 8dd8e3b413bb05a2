import type { RunConfiguration } from "../../core/ports/containers.js";
import { closeDescriptor, O_PATH } from "../../linux/open-at.js";
import { statDescriptor } from "../../linux/stat.js";
import { tryOpenInRoot } from "../rootfs/root-files.js";
import { latin1 } from "./container-directory.js";

/** Of runtimes: a tmpfs gets what stands at its place, but not that directory's owner. */
const COPY_UP = "tmpcopyup";

/** The configuration with the owners and modes of the directories that tmpfs stand in for. @param root A descriptor of the mounted root. */
export function withTmpfsOwners(configuration: RunConfiguration, root: number): RunConfiguration {
  const { tmpfs } = configuration;
  if (tmpfs?.some(({ options }) => options.includes(COPY_UP)) !== true) return configuration;
  const owned = tmpfs.map((each) =>
    each.options.includes(COPY_UP) ? { ...each, options: [...ownerOptions(root, each.destination), ...each.options] } : each,
  );
  return { ...configuration, tmpfs: owned };
}

/** None where no such directory is. */
function ownerOptions(root: number, place: string): readonly string[] {
  const directory = tryOpenInRoot(root, latin1(place), O_PATH);
  if (directory === undefined) return [];
  try {
    const { uid, gid, permissions } = statDescriptor(directory);
    return [`uid=${uid}`, `gid=${gid}`, `mode=${permissions.toString(8)}`];
  } finally {
    closeDescriptor(directory);
  }
}
