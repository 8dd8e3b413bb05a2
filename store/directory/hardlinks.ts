import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LinkGroup } from "../../core/model/tree.js";
import { hasCode } from "../../linux/errno.js";
import { readDirectory } from "../../linux/read-directory.js";
import { FileStat, S_IFDIR, statAt } from "../../linux/stat.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { inWalkOrder } from "./link-groups.js";

type Links = ReadonlyMap<ByteString, LinkGroup>;

/** The groups of all inodes that have two names or more below a directory, by each name. What can't be looked at has none. */
export function hardlinksBelow(opener: DirectoryOpener): Links {
  const names = new Map<string, ByteString[]>();
  const pending = ["" as ByteString];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const [name, stat] of statsIn(opener, directory)) {
      const path = joinPath(directory, name);
      if (stat.type === S_IFDIR) pending.push(path);
      else if (stat.nlink > 1) note(names, stat.inodeKey, path);
    }
  }
  return groupsOf(names);
}

const STAT = new FileStat();

/** The stat is the same object each time. */
function* statsIn(opener: DirectoryOpener, directory: ByteString): Generator<readonly [ByteString, FileStat]> {
  for (const name of unlessGone(() => readDirectory(opener.open(directory)).names) ?? []) {
    const stat = unlessGone(() => statAt(opener.open(directory), name, STAT));
    if (stat !== undefined) yield [name as ByteString, stat];
  }
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "EIO", "ESTALE")) return undefined;
    throw error;
  }
}

function note(names: Map<string, ByteString[]>, inode: string, path: ByteString): void {
  const known = names.get(inode);
  if (known === undefined) names.set(inode, [path]);
  else known.push(path);
}

/** @param names Paths by inode. */
export function groupsOf(names: ReadonlyMap<string, readonly ByteString[]>): Links {
  const groups = new Map<ByteString, LinkGroup>();
  for (const [key, group] of names) {
    if (group.length < 2) continue;
    const paths = inWalkOrder(group);
    for (const each of group) groups.set(each, { key, paths: () => paths });
  }
  return groups;
}
