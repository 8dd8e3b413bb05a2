import { textOf, type ByteString } from "../model/byte-string.js";
import { changeReasons } from "../model/compare-entries.js";
import { isNewer } from "./merge-metadata.js";
import type { Leaf } from "./compare-nodes.js";

/** A name and the inode that it has in each of the trees, and in the merged one as far as that is decided. */
export interface LinkedName {
  readonly path: ByteString;
  readonly base: Leaf | undefined;
  readonly ours: Leaf | undefined;
  readonly theirs: Leaf | undefined;
  readonly merged: Leaf | undefined;
}

export interface JoinedNames {
  /** Names of one inode, each name once; `node`: what the inode is, when it is not what each of them is already. */
  readonly groups: readonly { readonly names: readonly LinkedName[]; readonly node: Leaf | undefined }[];
  /** Why the sides' links can't be brought together, for people: then they are as in ours. */
  readonly disputed?: string;
}

type Side = "base" | "ours" | "theirs";
const SIDES: readonly Side[] = ["base", "ours", "theirs"];

/** Names that are linked alike in each tree need only be looked at once. */
interface NameClass {
  readonly names: LinkedName[];
  /** Which inode it is in each tree; absent where the tree has no such names. */
  readonly inode: Readonly<Partial<Record<Side, string>>>;
}

/** Pairs of classes are compared: no tree that is not made for it comes near. */
const MOST_CLASSES = 2000;

/** Merges the links of names that hang together, pair by pair: what one side linked or parted is linked or parted. */
export function joinNames(all: readonly LinkedName[]): JoinedNames {
  const names = all.filter(({ merged }) => merged !== undefined);
  const classes = classesOf(names);
  if (classes.length > MOST_CLASSES) return asInOurs(names, "too many names are linked in too many ways");
  const joined = new Sets(classes.length);
  const apart: [number, number][] = [];
  /** Which side linked what the base has apart, or lacks. */
  const linkers = new Set<Side>();
  for (const [one, a] of classes.entries()) {
    for (let other = one + 1; other < classes.length; other++) {
      const isLinked = mergedLink(a, classes[other]!, linkers);
      if (isLinked === "disputed") return asInOurs(names, "one side linked names that the other added or linked otherwise");
      if (isLinked === true) joined.join(one, other);
      else if (isLinked === false) apart.push([one, other]);
    }
  }
  if (apart.some(([a, b]) => joined.find(a) === joined.find(b)))
    return asInOurs(names, "the sides parted and linked its names differently");
  const sets = new Map<number, LinkedName[]>();
  for (const [index, { names: some }] of classes.entries()) {
    const set = joined.find(index);
    sets.set(set, [...(sets.get(set) ?? []), ...some]);
  }
  const order = new Map(names.map((name, index) => [name, index]));
  const groups: { names: readonly LinkedName[]; node: Leaf | undefined }[] = [];
  for (const set of sets.values()) {
    set.sort((a, b) => order.get(a)! - order.get(b)!);
    const node = commonNode(set, linkers);
    if (node === undefined) return asInOurs(names, "one side linked its names, the other changed one of them otherwise");
    groups.push({ names: set, node });
  }
  return { groups };
}

/** Disjoint sets of numbers. */
class Sets {
  readonly #parent: number[];

  constructor(size: number) {
    this.#parent = Array.from({ length: size }, (_, index) => index);
  }

  find(member: number): number {
    let at = member;
    while (this.#parent[at] !== at) at = this.#parent[at] = this.#parent[this.#parent[at]!]!;
    return at;
  }

  join(one: number, other: number): void {
    this.#parent[this.find(one)] = this.find(other);
  }
}

function classesOf(names: readonly LinkedName[]): NameClass[] {
  const classes = new Map<string, NameClass>();
  for (const name of names) {
    const inode: Partial<Record<Side, string>> = {};
    for (const side of SIDES) {
      const node = name[side];
      if (node !== undefined) inode[side] = node.links === undefined ? `=${name.path}` : `@${node.links.key}`;
    }
    const key = JSON.stringify([inode.base, inode.ours, inode.theirs]);
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { names: [name], inode });
    else known.names.push(name);
  }
  return [...classes.values()];
}

/** @returns `undefined` when no tree has both. */
function mergedLink({ inode: a }: NameClass, { inode: b }: NameClass, linkers: Set<Side>): boolean | "disputed" | undefined {
  const [base, ours, theirs] = SIDES.map((side) =>
    a[side] === undefined || b[side] === undefined ? undefined : a[side] === b[side],
  );
  if (ours && !base) linkers.add("ours");
  if (theirs && !base) linkers.add("theirs");
  if (ours === undefined || theirs === undefined) return ours ?? theirs;
  if (ours === theirs) return ours;
  if (base === undefined) return "disputed";
  return base === ours ? theirs : ours;
}

/** What an inode becomes whose names were merged one by one: where they differ, what a side has by linking them is not meant. */
function commonNode(names: readonly LinkedName[], linkers: ReadonlySet<Side>): Leaf | undefined {
  const all = distinct(names.map(({ merged }) => merged!));
  if (all.length === 1) return all[0];
  const meant = names.filter((name) => {
    const linked = [...linkers].some((side) => name[side] !== undefined && isAlike(name[side], name.merged!));
    return !linked || linkers.size === 0;
  });
  const left = distinct(meant.map(({ merged }) => merged!));
  return left.length === 1 ? left[0] : undefined;
}

/** Of those that differ in their time alone the newest. */
function distinct(nodes: readonly Leaf[]): Leaf[] {
  const found: Leaf[] = [];
  for (const node of nodes) {
    const index = found.findIndex((each) => isAlike(each, node));
    if (index < 0) found.push(node);
    else if (isNewer(node.entry, found[index]!.entry)) found[index] = node;
  }
  return found;
}

function isAlike(a: Leaf, b: Leaf): boolean {
  if (a.entry.type === "symlink" && b.entry.type === "symlink" && a.entry.target !== b.entry.target) return false;
  return changeReasons(a, b).every((reason) => reason === "mtime" || reason === "link");
}

/** Names that ours has are linked as there, the others as in theirs. */
function asInOurs(names: readonly LinkedName[], why: string): JoinedNames {
  const sets = new Map<string, LinkedName[]>();
  for (const name of names) {
    const side = name.ours === undefined ? "theirs" : "ours";
    const inode = name[side]?.links?.key;
    const key = inode === undefined ? `=${name.path}` : `${side} ${inode}`;
    sets.set(key, [...(sets.get(key) ?? []), name]);
  }
  const groups = [...sets.values()].map((set) => ({ names: set, node: set[0]?.ours ?? set[0]?.theirs }));
  const shown = names.slice(0, 4).map(({ path }) => `"/${textOf(path)}"`);
  const more = names.length > shown.length ? " and others" : "";
  return { groups, disputed: `${why}: ${shown.join(", ")}${more}` };
}
