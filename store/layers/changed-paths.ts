import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import type { LayerImage } from "../erofs/layer-image.js";
import { findName, namesOf, type NameRecord } from "./name-record.js";

/**
 * Whether a layer changes something that is selected, told from its names alone: a layer holds what differs from the tree below it, and the
 * directories that lead there.
 *
 * @returns `undefined` when only a comparison with the tree below can tell, as in a directory that was replaced.
 */
export function changesSelected(image: LayerImage, { places, has }: PathSelection): boolean | undefined {
  if (places === undefined) return changesMatching(image, has);
  const answers = places.map((place) => changesPlace(image, place));
  return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
}

/** The same, from a record of the layer's names. @throws RangeError when it is none. */
export function recordChangesSelected(record: NameRecord, { places, has }: PathSelection): boolean | undefined {
  if (places === undefined) {
    for (const { path } of namesOf(record)) if (has(path)) return true;
    return false;
  }
  const answers = places.map((place) => findName(record, place));
  // Above the place: whether anything stood there only the tree below tells.
  if (answers.some((found) => found !== undefined && found !== "above")) return true;
  return answers.includes("above") ? undefined : false;
}

/** @param place A path, with all that stands below it. */
function changesPlace(image: LayerImage, place: ByteString): boolean | undefined {
  let [nid, parent] = [image.rootNid, image.rootNid];
  let isReplaced = false;
  const names = place === "" ? [] : place.split("/");
  for (const [index, name] of names.entries()) {
    const directory = new ImageDirectory(image, nid, parent);
    isReplaced ||= isOpaque(directory);
    const found = directory.lookup(name as ByteString);
    if (found === undefined) return isReplaced ? undefined : false;
    // Above the place: whether anything stood there only the tree below tells.
    if (found.type !== F.DIRENT_DIRECTORY) return isReplaced || index < names.length - 1 ? undefined : true;
    [parent, nid] = [nid, found.nid];
  }
  return isReplaced ? undefined : true;
}

function changesMatching(image: LayerImage, has: PathSelection["has"]): boolean | undefined {
  let isReplaced = false;
  const pending = [{ path: "" as ByteString, nid: image.rootNid, parent: image.rootNid }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const directory = new ImageDirectory(image, next.nid, next.parent);
    isReplaced ||= isOpaque(directory);
    for (const { name, nid, type } of directory.entries()) {
      const path = joinPath(next.path, name);
      if (has(path)) return isReplaced ? undefined : true;
      if (type === F.DIRENT_DIRECTORY) pending.push({ path, nid, parent: next.nid });
    }
  }
  return isReplaced ? undefined : false;
}

function isOpaque({ image, inode }: ImageDirectory): boolean {
  return image.xattrs(inode).opaque;
}
