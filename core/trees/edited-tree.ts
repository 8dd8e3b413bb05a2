import type { ByteString } from "../model/byte-string.js";
import type { DirectoryEntry } from "../model/entry.js";
import type { DirectoryDigest } from "../model/ids.js";
import type { DirectoryNode, LinkGroup, Tree, TreeNode } from "../model/tree.js";

/** What becomes of one path and what stands below it. */
interface Edit {
  /** Stands here in place of what the tree has; `null`: nothing does. */
  node?: TreeNode | null;
  /** A directory's, in place of its own; where there is none, one with this is made as soon as something stands in it. */
  entry?: DirectoryEntry;
  readonly below: Map<ByteString, Edit>;
}

/**
 * Changes to a tree, by path: nodes replaced, added, removed. They may be told in any order, but what is told of a path forgets what was told
 * before of that path and all below it, `setEntry` excepted. What they cost does not depend on the tree's size.
 */
export class TreeEdits {
  readonly root: Edit = newEdit();

  get isEmpty(): boolean {
    return this.root.node === undefined && this.root.entry === undefined && this.root.below.size === 0;
  }

  /** A node of any tree. Its other names, when it has some, are to be set too, each with the same group. */
  set(path: ByteString, node: TreeNode): void {
    this.#replace(path, node);
  }

  remove(path: ByteString): void {
    this.#replace(path, null);
  }

  /** The directory's own properties; where none stands and something is put below it, it is made so. */
  setEntry(path: ByteString, entry: DirectoryEntry): void {
    this.#at(path).entry = entry;
  }

  #replace(path: ByteString, node: TreeNode | null): void {
    const edit = this.#at(path);
    edit.node = node;
    delete edit.entry;
    edit.below.clear();
  }

  #at(path: ByteString): Edit {
    let edit = this.root;
    for (const name of path === "" ? [] : (path.split("/") as ByteString[])) {
      let next = edit.below.get(name);
      if (next === undefined) edit.below.set(name, (next = newEdit()));
      edit = next;
    }
    return edit;
  }
}

function newEdit(): Edit {
  return { below: new Map() };
}

/**
 * A tree with edits: what is not edited is not read, and directories without edits below keep their digests. Edits made later show. The keys of
 * link groups are made anew, so that nodes of several trees can stand side by side. Closing the trees is left to their owners.
 */
export function editedTree(base: Tree, edits: TreeEdits): Tree {
  return {
    get root() {
      const root = edited(base.root, edits.root);
      return root !== undefined && "children" in root ? root : base.root;
    },
    close: () => undefined,
  };
}

function edited(own: TreeNode | undefined, edit: Edit | undefined): TreeNode | undefined {
  if (edit === undefined) return own && keyedByPath(own);
  const start = edit.node === undefined ? own : (edit.node ?? undefined);
  if (edit.entry === undefined && edit.below.size === 0) return start && keyedByPath(start);
  if (start !== undefined) return "children" in start ? new EditedDirectory(start, edit) : keyedByPath(start);
  if (edit.entry === undefined) return undefined;
  const made = new EditedDirectory(undefined, edit);
  return made.holdsAny() ? made : undefined;
}

function keyedByPath(node: TreeNode): TreeNode {
  if ("children" in node) return new EditedDirectory(node, undefined);
  if (node.links === undefined) return node;
  const links = groupByPath(node.links);
  return "content" in node ? { entry: node.entry, content: node.content, links } : { entry: node.entry, links };
}

/** Keys of two trees may be the same by chance; no two groups of one tree begin with the same path. */
export function groupByPath({ paths }: Pick<LinkGroup, "paths">): LinkGroup {
  let known: readonly ByteString[] | undefined;
  const names = (): readonly ByteString[] => (known ??= paths());
  return {
    get key() {
      return names()[0] ?? "";
    },
    paths: names,
  };
}

class EditedDirectory implements DirectoryNode {
  readonly #own: DirectoryNode | undefined;
  readonly #edit: Edit | undefined;

  constructor(own: DirectoryNode | undefined, edit: Edit | undefined) {
    this.#own = own;
    this.#edit = edit;
  }

  get entry(): DirectoryEntry {
    return (this.#edit?.entry ?? this.#own?.entry)!;
  }

  get digest(): DirectoryDigest | undefined {
    return this.#edit === undefined || this.#edit.below.size === 0 ? this.#own?.digest : undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    const below = this.#edit?.below ?? NO_EDITS;
    const added = [...below.keys()].sort();
    let next = 0;
    for (const [name, node] of this.#own?.children() ?? []) {
      for (; next < added.length && added[next]! < name; next++) yield* this.#child(added[next]!, undefined);
      if (added[next] === name) next++;
      yield* this.#child(name, node);
    }
    for (; next < added.length; next++) yield* this.#child(added[next]!, undefined);
  }

  *#child(name: ByteString, own: TreeNode | undefined): Generator<readonly [ByteString, TreeNode]> {
    const node = edited(own, this.#edit?.below.get(name));
    if (node !== undefined) yield [name, node];
  }

  child(name: ByteString): TreeNode | undefined {
    return edited(this.#own?.child(name), this.#edit?.below.get(name));
  }

  holdsAny(): boolean {
    for (const _ of this.children()) return true;
    return false;
  }
}

const NO_EDITS: ReadonlyMap<ByteString, Edit> = new Map();
