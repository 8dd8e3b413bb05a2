import { joinPath, type ByteString } from "../model/byte-string.js";
import { changeReasons, sameMetadata } from "../model/compare-entries.js";
import type { DirectoryEntry } from "../model/entry.js";
import type { DirectoryNode, FileNode, LinkGroup, OtherNode, Tree, TreeNode } from "../model/tree.js";
import { nodeAt } from "../model/paths.js";
import type { PathSelection } from "../paths/path-selection.js";

/**
 * A tree with its selected paths as another tree has them: what that one lacks is gone. Directories that lead to a selected path come
 * with it, and hard links to names that are not selected but equal. Closing the two is left to their owners.
 */
export function replaceSelected(tree: Tree, source: Tree, wanted: PathSelection): Tree {
  const root = "" as ByteString;
  const selection = withJoinedNames(tree, source, wanted);
  const mixture = { selection, above: withPathsAbove([...(selection.places ?? []), ...partedNames(tree, selection)]) };
  return { root: new MixedDirectory(mixture, root, tree.root, source.root), close: () => undefined };
}

interface Mixture {
  readonly selection: PathSelection;
  /** Places of the selection and unselected names of inodes that have a selected name too, which part; and all that stands above these. */
  readonly above: ReadonlySet<ByteString>;
}

/** A directory of which something is selected, or may be: it stands in one tree or in both. */
class MixedDirectory implements DirectoryNode {
  readonly #mixture: Mixture;
  readonly #path: ByteString;
  readonly #own: DirectoryNode | undefined;
  readonly #other: DirectoryNode | undefined;

  constructor(mixture: Mixture, path: ByteString, own: DirectoryNode | undefined, other: DirectoryNode | undefined) {
    this.#mixture = mixture;
    this.#path = path;
    this.#own = own;
    this.#other = other;
  }

  get entry(): DirectoryEntry {
    const own = this.#own?.entry;
    const other = this.#other?.entry;
    if (own === undefined || other === undefined) return (own ?? other)!;
    return this.#mixture.selection.has(this.#path) || this.#isTouchedAlone(own, other) ? other : own;
  }

  /** A directory's time belongs to its names: where all of them are the other's again, so is the time. */
  #isTouchedAlone(own: DirectoryEntry, other: DirectoryEntry): boolean {
    const { mtimeSeconds, mtimeNanoseconds } = other;
    if (!sameMetadata({ ...own, mtimeSeconds, mtimeNanoseconds }, other)) return false;
    for (const [, mixed, theirs] of pairsOf(this, this.#other)) if (mixed === undefined || theirs === undefined) return false;
    return true;
  }

  /** It is neither tree's. */
  get digest(): undefined {
    return undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, own, other] of pairsOf(this.#own, this.#other)) {
      const node = this.#mix(name, own, other);
      if (node !== undefined) yield [name, node];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    return this.#mix(name, this.#own?.child(name), this.#other?.child(name));
  }

  #mix(name: ByteString, own: TreeNode | undefined, other: TreeNode | undefined): TreeNode | undefined {
    const path = joinPath(this.#path, name);
    const { selection } = this.#mixture;
    const unselected = (each: ByteString): boolean => !selection.has(each);
    if (!reaches(this.#mixture, path)) return own && withLinks(own, "", unselected);
    const [ownDirectory, otherDirectory] = [directoryOf(own), directoryOf(other)];
    const isSelected = selection.has(path);
    const mixed =
      ownDirectory === undefined && otherDirectory === undefined
        ? undefined
        : new MixedDirectory(this.#mixture, path, ownDirectory, otherDirectory);
    if (isSelected) {
      if (otherDirectory !== undefined) return mixed;
      // Of a directory that the other tree lacks, what is taken away from the selection stays.
      if (other === undefined) return ownDirectory && mixed?.holdsAny() ? mixed : undefined;
      return withLinks(other, "other ", (each) => selection.has(each));
    }
    if (ownDirectory !== undefined) return mixed;
    if (otherDirectory !== undefined && mixed?.holdsAny()) return mixed;
    return own && withLinks(own, "", unselected);
  }

  holdsAny(): boolean {
    for (const _ of this.children()) return true;
    return false;
  }
}

/** Whether a path, or one below it, may be another than the tree has. */
function reaches({ selection, above }: Mixture, path: ByteString): boolean {
  return selection.places === undefined || above.has(path) || selection.has(path);
}

function withPathsAbove(paths: readonly ByteString[]): ReadonlySet<ByteString> {
  const all = new Set<ByteString>();
  for (const path of paths) {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) all.add(path.slice(0, end) as ByteString);
  }
  return all;
}

function partedNames(tree: Tree, selection: PathSelection): readonly ByteString[] {
  // Without places all is looked at anyway.
  return selection.places === undefined ? [] : [...unselectedNames(tree, selection)].map(({ name }) => name);
}

/** With names that differ from the source's in nothing but whom they are linked to: they are linked to what is selected. */
function withJoinedNames(tree: Tree, source: Tree, selection: PathSelection): PathSelection {
  const joined = new Set<ByteString>();
  for (const { name, node } of unselectedNames(source, selection)) {
    const own = nodeAt(tree, name);
    if (own !== undefined && changeReasons(own, node).every((reason) => reason === "link")) joined.add(name);
  }
  if (joined.size === 0) return selection;
  const places = selection.places && [...selection.places, ...joined];
  return { places, has: (path) => selection.has(path) || joined.has(path) };
}

interface LinkedName {
  readonly name: ByteString;
  readonly node: TreeNode;
}

/** Unselected names of inodes that have a selected name too. */
function* unselectedNames(tree: Tree, selection: PathSelection): Generator<LinkedName> {
  for (const place of selection.places ?? ["" as ByteString]) {
    const node = nodeAt(tree, place);
    if (node !== undefined) yield* unselectedNamesBelow(node, place, selection);
  }
}

function* unselectedNamesBelow(node: TreeNode, path: ByteString, selection: PathSelection): Generator<LinkedName> {
  if ("children" in node) {
    for (const [name, child] of node.children()) yield* unselectedNamesBelow(child, joinPath(path, name), selection);
    return;
  }
  if (node.links === undefined || !selection.has(path)) return;
  for (const name of node.links.paths()) if (!selection.has(name)) yield { name, node };
}

function directoryOf(node: TreeNode | undefined): DirectoryNode | undefined {
  return node !== undefined && "children" in node ? node : undefined;
}

function* pairsOf(
  own: DirectoryNode | undefined,
  other: DirectoryNode | undefined,
): Generator<readonly [ByteString, TreeNode | undefined, TreeNode | undefined]> {
  const left = childrenOf(own);
  const right = childrenOf(other);
  let one = next(left);
  let two = next(right);
  while (one !== undefined || two !== undefined) {
    const takesOne = one !== undefined && (two === undefined || one[0] <= two[0]);
    const takesTwo = two !== undefined && (one === undefined || two[0] <= one[0]);
    yield [((takesOne ? one : two) as NamedNode)[0], takesOne ? one?.[1] : undefined, takesTwo ? two?.[1] : undefined];
    if (takesOne) one = next(left);
    if (takesTwo) two = next(right);
  }
}

type NamedNode = readonly [ByteString, TreeNode];

function childrenOf(node: DirectoryNode | undefined): Iterator<NamedNode, unknown> {
  return (node?.children() ?? [])[Symbol.iterator]();
}

function next(nodes: Iterator<NamedNode, unknown>): NamedNode | undefined {
  const step = nodes.next();
  return step.done === true ? undefined : step.value;
}

/** A node with those names of its inode that are in the mixture. A directory of which nothing is another comes as it is. */
function withLinks(node: TreeNode, side: string, has: (path: ByteString) => boolean): TreeNode {
  if ("children" in node || node.links === undefined) return node;
  const links = someOf(node.links, side, has);
  return "content" in node ? ({ ...fileOf(node), links } satisfies FileNode) : ({ entry: node.entry, links } satisfies OtherNode);
}

function fileOf({ entry, content }: FileNode): Pick<FileNode, "entry" | "content"> {
  return { entry, content };
}

function someOf({ key, paths }: LinkGroup, side: string, has: (path: ByteString) => boolean): LinkGroup | undefined {
  const chosen = paths().filter(has);
  // The two trees' keys may be the same by chance.
  return chosen.length < 2 ? undefined : { key: side + key, paths: () => chosen };
}
