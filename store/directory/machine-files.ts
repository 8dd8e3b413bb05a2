import { constants, mkdirSync, rmSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { bytesOfText, joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LinkGroup, Tree } from "../../core/model/tree.js";
import type { FileTime, MachineBound, MachineFiles } from "../../core/ports/machine-files.js";
import { inTurns } from "../../core/turns.js";
import { treeOfPaths } from "../../core/trees/tree-of-paths.js";
import { hasCode } from "../../linux/errno.js";
import { copyMount } from "../../linux/mount-copies.js";
import { mountTable, placeOf } from "../../linux/mount-table.js";
import { AT_FDCWD, closeDescriptor, O_CLOEXEC, O_PATH, openAt } from "../../linux/open-at.js";
import { readDirectory } from "../../linux/read-directory.js";
import { type FileStat, S_IFDIR, statAt } from "../../linux/stat.js";
import { removeTree } from "../../linux/unlink.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { TEMPORARY_NAME } from "./apply-tree.js";
import { DirectoryOpener } from "./directory-opener.js";
import { groupsOf } from "./hardlinks.js";
import { unscannedTree } from "./unscanned-tree.js";
import { applyTree } from "./write-directory.js";

type Places = ReadonlySet<ByteString>;

/** The files of this machine's root, seen through a copy of its mount alone. @param layout The store's, which is out of bounds. */
export function machineFiles(layout: Pick<StoreLayout, "root" | "scratch">): MachineFiles {
  return {
    bounds: () => boundsOf(layout.root),
    openTree: (paths) => openPlaces(paths),
    changedSince: (paths, moment) => withRoot((opener) => [...paths].filter((each) => hasChanged(opener, each, moment))),
    hasNamesChangedSince: (place, moment) => withRoot((opener) => hasNamesChanged(opener, place, moment)),
    sharedDirectories: (paths) => withRoot((opener) => sharedDirectories(opener, paths, boundsOf(layout.root))),
    apply: (current, target, keep) => applyToRoot(layout, current, target, keep),
    clearLeftovers: (paths) => withRoot((opener) => clearLeftovers(opener, paths)),
  };
}

const KERNEL: readonly string[] = ["dev", "proc", "run", "sys"];

function boundsOf(store: string): readonly MachineBound[] {
  const bounds = new Map<string, string>(KERNEL.map((place) => [place, "is of the running system, not of its root"]));
  for (const { place } of mountTable()) {
    const below = place.slice(1);
    if (below !== "" && !bounds.has(below)) bounds.set(below, "is where another filesystem is mounted");
  }
  const own = placeBelowRoot(store);
  if (own !== undefined) bounds.set(own, "is the store");
  return [...bounds]
    .filter(([place]) => !parentsOf(place as ByteString).some((parent) => bounds.has(parent)))
    .map(([place, reason]) => ({ place: place as ByteString, reason }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** A directory's place without symlinks. @returns `undefined` when it is gone. */
function placeBelowRoot(directory: string): ByteString | undefined {
  const descriptor = openAt(AT_FDCWD, bytesOfText(directory), O_PATH);
  try {
    return placeOf(descriptor)?.slice(1) as ByteString | undefined;
  } finally {
    closeDescriptor(descriptor);
  }
}

/** From the nearest up, without the root. */
function parentsOf(place: ByteString): ByteString[] {
  const parents: ByteString[] = [];
  for (let slash = place.lastIndexOf("/"); slash > 0; slash = place.lastIndexOf("/", slash - 1))
    parents.push(place.slice(0, slash) as ByteString);
  return parents;
}

/** The root's own filesystem, with the directories that mounts hide. @throws VarveError PERMISSION. */
function openRoot(): DirectoryOpener {
  try {
    const copy = copyMount("/");
    try {
      return new DirectoryOpener(openAt(copy, ".", constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC), "/" as ByteString);
    } finally {
      closeDescriptor(copy);
    }
  } catch (error) {
    if (!hasCode(error, "EPERM", "EACCES")) throw systemFailure("open this machine's root", error, "/");
    throw new VarveError("PERMISSION", "Cannot open this machine's root apart from what is mounted on it: only root may", {
      path: "/",
      hint: "Run the command as root.",
      cause: error,
    });
  }
}

function withRoot<T>(work: (opener: DirectoryOpener) => T): T {
  const opener = openRoot();
  try {
    return work(opener);
  } finally {
    opener.close();
  }
}

function openPlaces(paths: Places): Tree {
  const opener = openRoot();
  const links = linksAmong(opener, paths);
  const tree = unscannedTree(opener, (each) => links.get(each));
  return { root: treeOfPaths(tree, paths).root, close: () => tree.close() };
}

function linksAmong(opener: DirectoryOpener, paths: Places): ReadonlyMap<ByteString, LinkGroup> {
  const names = new Map<string, ByteString[]>();
  for (const each of [...paths].sort()) {
    const stat = statOf(opener, each);
    if (stat === undefined || stat.type === S_IFDIR || stat.nlink < 2) continue;
    names.set(stat.inodeKey, [...(names.get(stat.inodeKey) ?? []), each]);
  }
  return groupsOf(names);
}

/** @returns `undefined` when nothing is there, or a directory above is none. */
function statOf(opener: DirectoryOpener, place: ByteString): FileStat | undefined {
  const slash = place.lastIndexOf("/");
  try {
    return statAt(opener.open(place.slice(0, Math.max(slash, 0)) as ByteString), place.slice(slash + 1));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw systemFailure("look at this machine's root", error, "/");
  }
}

/** The kernel moves an inode's ctime with all that happens to it. A directory's and its mtime move together when a name comes or goes. */
function hasChanged(opener: DirectoryOpener, place: ByteString, moment: FileTime): boolean {
  const stat = statOf(opener, place);
  if (stat === undefined) return false;
  if (stat.type !== S_IFDIR) return isSince(stat, moment);
  const isOfNames = stat.mtimeSeconds === stat.ctimeSeconds && stat.mtimeNanoseconds === stat.ctimeNanoseconds;
  return !isOfNames && isSince(stat, moment);
}

function isSince({ ctimeSeconds, ctimeNanoseconds }: FileStat, { seconds, nanoseconds }: FileTime): boolean {
  return ctimeSeconds > seconds || (ctimeSeconds === seconds && ctimeNanoseconds >= nanoseconds);
}

function hasNamesChanged(opener: DirectoryOpener, place: ByteString, moment: FileTime): boolean {
  for (const parent of parentsOf(place)) {
    const stat = statOf(opener, parent);
    if (stat !== undefined) return isSince(stat, moment);
  }
  return isSince(statAt(opener.root, ""), moment);
}

function sharedDirectories(opener: DirectoryOpener, paths: Places, bounds: readonly MachineBound[]): Places {
  const leading = new Set<ByteString>([...paths].flatMap(parentsOf));
  const shared = new Set<ByteString>(bounds.flatMap(({ place }) => [place, ...parentsOf(place)]));
  for (const each of paths) {
    if (statOf(opener, each)?.type !== S_IFDIR) continue;
    const names = readDirectory(opener.open(each)).names as ByteString[];
    const isOthers = (name: ByteString): boolean => !paths.has(joinPath(each, name)) && !leading.has(joinPath(each, name));
    if (names.some(isOthers)) for (const place of [each, ...parentsOf(each)]) shared.add(place);
  }
  return shared;
}

async function applyToRoot(
  layout: Pick<StoreLayout, "root" | "scratch">,
  current: Tree,
  target: Tree,
  keep: Places,
): Promise<void> {
  const opener = openRoot();
  const scratch = scratchPath(layout, "machine");
  try {
    const staging = stagingAt(opener, scratch);
    await inTurns(applyTree(current, target, `/proc/self/fd/${opener.root}`, { keep, staging }));
  } finally {
    opener.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @returns The scratch directory's path; `undefined` where the store is on another filesystem. */
function stagingAt(opener: DirectoryOpener, scratch: string): ByteString | undefined {
  try {
    mkdirSync(scratch, { mode: 0o700 });
    const place = placeBelowRoot(scratch);
    const there = statAt(AT_FDCWD, bytesOfText(scratch));
    return place !== undefined && statOf(opener, place)?.inodeKey === there.inodeKey ? place : undefined;
  } catch (error) {
    throw systemFailure("make room for new files", error, scratch);
  }
}

function clearLeftovers(opener: DirectoryOpener, paths: Places): void {
  const directories = new Set<ByteString>(
    [...paths].map((each) => each.slice(0, Math.max(each.lastIndexOf("/"), 0)) as ByteString),
  );
  for (const directory of directories) {
    const stat = directory === "" ? undefined : statOf(opener, directory);
    if (directory !== "" && stat?.type !== S_IFDIR) continue;
    for (const name of readDirectory(opener.open(directory)).names) {
      if (TEMPORARY_NAME.test(name)) removeTree(opener.open(directory), name);
    }
  }
}
