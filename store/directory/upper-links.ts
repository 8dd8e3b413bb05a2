import type { ByteString } from "../../core/model/byte-string.js";
import type { LinkGroup, Tree, TreeNode } from "../../core/model/tree.js";
import { inWalkOrder, type LinkGroups } from "./link-groups.js";
import { groupKeyOfHandle, type IndexedInode } from "./overlay-index.js";
import { upperDamaged } from "./overlay-marks.js";
import { nodeAt, type UpperPlacement } from "./upper-placement.js";

/** What a path of the merged tree shows that is not the base's own node, though the upper has no entry there. */
export interface LinkOverride {
  readonly links: LinkGroup | undefined;
  /** The copied-up inode that shows in place of the base's. */
  readonly indexed: IndexedInode | undefined;
}

/**
 * Finds the base path of a file handle of overlayfs.
 * @returns Any one name of the inode; `undefined` when it can't tell.
 */
export type OriginLookup = (handle: Uint8Array) => ByteString | undefined;

/** The hardlink groups of the merged tree, where they are not the base's own. */
export class UpperLinks {
  /** By merged path. */
  readonly overrides: Map<ByteString, LinkOverride> = new Map();
  /** Merged paths of all directories above an override: their digests are not the base's. */
  readonly touched: Set<ByteString> = new Set();
  readonly #byUpperInode = new Map<string, LinkGroup | undefined>();
  readonly #groups: LinkGroups;
  readonly #pathOfRow: (row: number) => ByteString;

  constructor(placement: UpperPlacement, groups: LinkGroups, pathOfRow: (row: number) => ByteString, source: ClaimSource) {
    this.#groups = groups;
    this.#pathOfRow = pathOfRow;
    const affected = new Map<string, LinkGroup>();
    for (const node of placement.displaced) collectGroups(node, affected);
    const upperPaths = (inode: string): ByteString[] => (groups.rows().get(inode) ?? []).map(pathOfRow);
    const claims = claimGroups(source, affected, upperPaths);
    for (const { group } of claims.values()) affected.set(group.key, group);
    for (const group of affected.values()) this.#settle(group, placement, claims.get(group.key)?.indexed);
  }

  /** The group of an upper row. */
  ofRow(row: number, inodeKey: string): LinkGroup | undefined {
    return this.#byUpperInode.has(inodeKey) ? this.#byUpperInode.get(inodeKey) : this.#groups.of(row);
  }

  #settle(group: LinkGroup, placement: UpperPlacement, indexed: IndexedInode | undefined): void {
    const shown: ByteString[] = [];
    for (const path of group.paths()) {
      const place = placement.shownPath(path);
      if (place !== undefined) shown.push(place);
    }
    const own = indexed === undefined ? [] : (this.#groups.rows().get(indexed.inodeKey) ?? []).map(this.#pathOfRow);
    const paths = inWalkOrder([...own, ...shown]);
    const links = paths.length < 2 ? undefined : { key: `merged ${group.key}`, paths: () => paths };
    if (indexed !== undefined) this.#byUpperInode.set(indexed.inodeKey, links);
    for (const path of shown) {
      this.overrides.set(path, { links, indexed });
      this.#touchAbove(path);
    }
  }

  #touchAbove(path: ByteString): void {
    for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
      const directory = path.slice(0, end) as ByteString;
      if (this.touched.has(directory)) return;
      this.touched.add(directory);
      if (end === 0) return;
    }
  }
}

function collectGroups(node: TreeNode, into: Map<string, LinkGroup>): void {
  const waiting: TreeNode[] = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ("children" in next) for (const [, child] of next.children()) waiting.push(child);
    else if (next.links !== undefined) into.set(next.links.key, next.links);
  }
}

export interface ClaimSource {
  readonly inodes: readonly IndexedInode[];
  readonly base: Tree;
  readonly lookup: OriginLookup | undefined;
}

interface Claim {
  readonly group: LinkGroup;
  readonly indexed: IndexedInode;
}

/**
 * Which base group each indexed inode stands for. The name by which it was copied up is overridden ever after, so its group is
 * among those that the upper displaced; one that is not there has no name left that shows it.
 *
 * @throws VarveError STORE_DAMAGED when the handle is of an unknown kind and nothing else tells the group.
 */
function claimGroups(
  { inodes, base, lookup }: ClaimSource,
  displaced: ReadonlyMap<string, LinkGroup>,
  upperPaths: (inodeKey: string) => readonly ByteString[],
): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const indexed of inodes) {
    const key = groupKeyOfHandle(indexed.handle);
    const path = lookup?.(indexed.handle);
    let group = path === undefined ? undefined : linksAt(base, path);
    if (lookup === undefined && key !== undefined) group = displaced.get(key);
    if (lookup === undefined && key === undefined) group = groupAt(base, upperPaths(indexed.inodeKey), indexed);
    if (group !== undefined) claims.set(group.key, { group, indexed });
  }
  return claims;
}

/** Where a handle says nothing to us, a name that the inode has in the upper and its group in the base does. */
function groupAt(base: Tree, paths: readonly ByteString[], indexed: IndexedInode): LinkGroup {
  const group = paths.map((path) => linksAt(base, path)).find((links) => links !== undefined);
  if (group === undefined) throw upperDamaged(handleName(indexed), "the file it was copied from is not in the base");
  return group;
}

function linksAt(base: Tree, path: ByteString): LinkGroup | undefined {
  const node = nodeAt(base.root, path);
  return node === undefined || "children" in node ? undefined : node.links;
}

function handleName({ handle }: IndexedInode): ByteString {
  return `index/${Buffer.from(handle).toString("hex")}` as ByteString;
}
