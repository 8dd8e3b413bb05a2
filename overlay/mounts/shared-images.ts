import { SystemCallError } from "../../linux/errno.js";
import { copyMounts } from "../../linux/mount-copies.js";
import { mountTable } from "../../linux/mount-table.js";

/** So many processes are asked at most: those that stand on one base all have its images. */
const MOST_HOLDERS = 16;

/**
 * Takes copies of image mounts that other runs have: the kernel keeps one cache for all copies of a mount, and one for each mount of its own. So
 * many containers on one base hold its files in memory once.
 *
 * @param holders Processes in whose mount namespaces runs of this store stand, such as conmon. Gone ones are passed over.
 * @param folder Where runs mount. @param images Paths of image files. All paths are absolute, and bytes in latin1.
 * @returns Descriptors of copies, by the image's path, for the caller to close. What nobody has is not in it.
 */
export function borrowImages(holders: Iterable<number>, folder: string, images: readonly string[]): ReadonlyMap<string, number> {
  const borrowed = new Map<string, number>();
  let asked = 0;
  for (const pid of holders) {
    const places = imagePlaces(pid, folder);
    const found = images.filter((image) => !borrowed.has(image) && places.has(image));
    for (const [at, descriptor] of tryCopy(
      pid,
      found.map((image) => places.get(image)!),
    ).entries())
      borrowed.set(found[at]!, descriptor);
    asked += 1;
    if (borrowed.size === images.length || asked === MOST_HOLDERS) break;
  }
  return borrowed;
}

function tryCopy(pid: number, places: readonly string[]): readonly number[] {
  if (places.length === 0) return [];
  try {
    return copyMounts(pid, places);
  } catch (error) {
    // It ended meanwhile, or the kernel does not let us look there: the image is mounted anew.
    if (error instanceof SystemCallError) return [];
    throw error;
  }
}

/** Where another process sees each image: by the image's path. */
function imagePlaces(pid: number, folder: string): ReadonlyMap<string, string> {
  const ours = mountTable(pid).filter(({ type, place }) => type === "erofs" && place.startsWith(`${folder}/`));
  return new Map(ours.map(({ source, place }) => [source, place]));
}
