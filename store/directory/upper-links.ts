import type { ByteString } from "../../core/model/byte-string.js";
import type { LinkGroup, Tree, TreeNode } from "../../core/model/tree.js";
import { inWalkOrder, type LinkGroups } from "./link-groups.js";
import type { IndexedInode } from "./overlay-index.js";
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
  readonly overrides = new Map<ByteString, LinkOverride>();
  /** Merged paths of all directories above an override: their digests are not the base's. */
  readonly touched = new Set<ByteString>();
  readonly #byUpperInode = new Map<string, LinkGroup | undefined>();
  readonly #groups: LinkGroups;
  readonly #pathOfRow: (row: number) => ByteString;

  constructor(placement: UpperPlacement, groups: LinkGroups, pathOfRow: (row: number) => ByteString, claims: IndexClaims) {
    this.#groups = groups;
    this.#pathOfRow = pathOfRow;
    const affected = new Map<string, LinkGroup>();
    for (const node of placement.displaced) collectGroups(node, affected);
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

export type IndexClaims = ReadonlyMap<string, { readonly group: LinkGroup; readonly indexed: IndexedInode }>;

/**
 * Which base group each indexed inode stands for. Where `lookup` can't tell, one of the inode's upper names that the base's
 * group has too does.
 *
 * @throws VarveError STORE_DAMAGED when an inode's group can't be found.
 */
export function claimGroups(
  inodes: readonly IndexedInode[],
  base: Tree,
  upperPaths: (inodeKey: string) => readonly ByteString[],
  lookup: OriginLookup,
): IndexClaims {
  const claims = new Map<string, { group: LinkGroup; indexed: IndexedInode }>();
  for (const indexed of inodes) {
    const origin = lookup(indexed.handle);
    const candidates = origin === undefined ? upperPaths(indexed.inodeKey) : [origin];
    const group = candidates.map((path) => linksAt(base, path)).find((links) => links && !claims.has(links.key));
    if (group !== undefined) claims.set(group.key, { group, indexed });
    else if (origin === undefined) throw upperDamaged(handleName(indexed), "the file it was copied from is not in the base");
  }
  return claims;
}

function linksAt(base: Tree, path: ByteString): LinkGroup | undefined {
  const node = nodeAt(base.root, path);
  return node === undefined || "children" in node ? undefined : node.links;
}

function handleName({ handle }: IndexedInode): ByteString {
  return `index/${Buffer.from(handle).toString("hex")}` as ByteString;
}
