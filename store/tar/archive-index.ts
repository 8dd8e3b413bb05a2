import type { ByteString } from "../../core/model/byte-string.js";
import { type DirectoryEntry, type Entry, type FileEntry, NO_XATTRS } from "../../core/model/entry.js";
import type { DirectoryNode, FileContent, StoredContent, Tree, TreeNode } from "../../core/model/tree.js";
import { MAX_DEPTH, MAX_SYMLINK_HOPS } from "./limits.js";
import type { Fail } from "./tar-fault.js";

export interface IndexedDirectory {
  entry: DirectoryEntry;
  /** In byte order of name once `finish` was called. */
  children: Map<ByteString, IndexedNode>;
  /** As `ArchiveIndex.generation` was when an entry last told of it. */
  generation?: number;
  /** The same of the names in it that are hardlinks: an inode's names are told of one by one. */
  linked?: Map<ByteString, number>;
  /** What stood here before the archive: its children show, but for those that `children` has, and those that are gone. */
  readonly below?: DirectoryNode | undefined;
  gone?: Set<ByteString> | "all";
}

export interface IndexedFile {
  readonly entry: FileEntry;
  readonly stored: StoredContent;
  /** Of a file that stood there before the archive. */
  readonly content?: FileContent;
  /** Paths of a hardlink group, filled by `finish`; absent for an inode that never had a second name. */
  links?: ByteString[];
  generation?: number;
}

export interface IndexedOther {
  readonly entry: Exclude<Entry, DirectoryEntry | FileEntry>;
  links?: ByteString[];
  generation?: number;
}

export type IndexedLeaf = IndexedFile | IndexedOther;
export type IndexedNode = IndexedDirectory | IndexedLeaf;

/** A name in a directory: where an entry goes. */
export interface Place {
  readonly parent: IndexedDirectory;
  readonly name: ByteString;
}

/** What tars leave unsaid: directories that no entry tells of. */
const IMPLIED: DirectoryEntry = Object.freeze({
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: NO_XATTRS,
});

/**
 * The tree that an archive adds up to, kept in memory. Its rules are those of extraction into an empty root:
 *
 * - A later entry replaces an earlier one of the same path wholly; a directory over a directory only sets its metadata.
 * - The last name of a path never follows a symlink; names before it do, within the archive's own root: `/` is that root and
 *   `..` stops there. So an entry below `lib -> usr/lib` stands in `usr/lib`, and no link leads out. More than 40 links for
 *   one path are refused, as the kernel does.
 * - Missing directories on the way are made: 0755, root:root, mtime 0.
 * - An entry below a file or device is refused.
 * - A hardlink's target must have come before.
 */
export class ArchiveIndex {
  readonly root: IndexedDirectory;
  /** Which of several archives on top of each other is being read: an entry of it is younger than those of the ones before. */
  generation = 0;
  #hasLinks = false;

  /** @param onto What the archive is read on top of; by default nothing. Of it is read what the archive touches. */
  constructor(onto?: Tree) {
    const below = onto?.root;
    this.root = { entry: below?.entry ?? IMPLIED, children: new Map(), below };
  }

  /** Where a path's last name goes. Makes missing directories. @param names Not empty. */
  place(names: readonly ByteString[], fail: Fail): Place {
    const parent = this.#follow(names.slice(0, -1), true, fail);
    return { parent: parent ?? fail("its directory is missing"), name: names.at(-1) ?? ("" as ByteString) };
  }

  /** @returns What it replaced, when that was no directory by a directory. */
  put({ parent, name }: Place, node: IndexedNode): IndexedNode | undefined {
    const former = this.#child(parent, name);
    if (former !== undefined && isDirectory(former)) {
      if (isDirectory(node)) {
        former.entry = node.entry;
        former.generation = this.generation;
        return undefined;
      }
      this.#partLinks(former);
    }
    node.generation = this.generation;
    parent.children.set(name, node);
    return former;
  }

  /** Whether the archive that is being read put something at a name, or below it. */
  #isKept({ linked }: IndexedDirectory, name: ByteString, node: IndexedNode): boolean {
    if (isDirectory(node)) return node.generation === this.generation || node.children.size > 0;
    return (node.links === undefined ? node.generation : linked?.get(name)) === this.generation;
  }

  /** The directory of these names, when there is one. */
  directory(names: readonly ByteString[], fail: Fail): IndexedDirectory | undefined {
    return this.#follow(names, false, fail);
  }

  /** Takes away what earlier archives put at a name; of a directory, all but what this one put there. */
  removeOlder({ parent, name }: Place): void {
    const top = this.#child(parent, name);
    if (top === undefined) return;
    if (isDirectory(top)) this.clearOlder(top);
    if (!this.#isKept(parent, name, top)) this.#delete(parent, name);
  }

  /** The same for all that a directory holds. */
  clearOlder(directory: IndexedDirectory): void {
    this.#partLinks(directory);
    const found: Place[] = [];
    const pending = [directory];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      next.gone = "all";
      for (const [name, node] of next.children) {
        found.push({ parent: next, name });
        if (isDirectory(node)) pending.push(node);
      }
    }
    // Children stand after the directories that hold them.
    for (const { parent, name } of found.reverse()) {
      const node = parent.children.get(name)!;
      if (!this.#isKept(parent, name, node)) parent.children.delete(name);
    }
  }

  #delete(parent: IndexedDirectory, name: ByteString): void {
    parent.children.delete(name);
    if (parent.below === undefined || parent.gone === "all") return;
    parent.gone ??= new Set();
    parent.gone.add(name);
  }

  /** What stands at a name; what stood there before the archive is taken into the index. */
  #child(directory: IndexedDirectory, name: ByteString): IndexedNode | undefined {
    const own = directory.children.get(name);
    if (own !== undefined) return own;
    const node = shownBelow(directory, name) ? directory.below?.child(name) : undefined;
    return node === undefined ? undefined : this.#take(directory, name, node);
  }

  #take(directory: IndexedDirectory, name: ByteString, node: TreeNode): IndexedNode {
    const taken = indexed(node);
    directory.children.set(name, taken);
    if ("children" in node || isDirectory(taken) || node.links === undefined) return taken;
    // Its other names are names of the same inode, and what the archive does to one is seen by the others.
    taken.links = [];
    this.#hasLinks = true;
    for (const path of node.links.paths()) this.#takeName(path, taken);
    return taken;
  }

  /** Where the name still stands for what was below. */
  #takeName(path: ByteString, inode: IndexedLeaf): void {
    const names = path.split("/") as ByteString[];
    const last = names.pop()!;
    let directory = this.root;
    for (const name of names) {
      const next = this.#child(directory, name);
      if (next === undefined || !isDirectory(next)) return;
      directory = next;
    }
    if (!directory.children.has(last) && shownBelow(directory, last) && directory.below?.child(last) !== undefined)
      directory.children.set(last, inode);
  }

  /** Before all that stood in a directory goes: what has other names elsewhere stays there, with fewer of them. */
  #partLinks(directory: IndexedDirectory): void {
    if (directory.below === undefined || directory.gone === "all") return;
    const pending: IndexedDirectory[] = [directory];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const [name, node] of next.below?.children() ?? []) {
        if (!shownBelow(next, name)) continue;
        if ("children" in node) {
          const child = this.#child(next, name);
          if (child !== undefined && isDirectory(child)) pending.push(child);
        } else if (node.links !== undefined) this.#child(next, name);
      }
    }
  }

  /** One more name for what stands at `target`. */
  link(place: Place, target: readonly ByteString[], fail: Fail): IndexedNode | undefined {
    const directory = this.#follow(target.slice(0, -1), false, fail);
    const name = target.at(-1);
    const node = name === undefined ? this.root : directory && this.#child(directory, name);
    if (node === undefined) {
      const place =
        this.root.below === undefined ? "in the archive before it" : "in the archive before it, nor in the layers below";
      return fail(`its hardlink target is not ${place}`, "Hardlinks are resolved within the archive alone.");
    }
    if (isDirectory(node)) return fail("its hardlink target is a directory");
    if (directory === place.parent && name === place.name) return fail("it is a hardlink to itself");
    if (node.links === undefined && directory !== undefined && name !== undefined && node.generation !== undefined)
      (directory.linked ??= new Map()).set(name, node.generation);
    node.links ??= [];
    this.#hasLinks = true;
    const former = this.put(place, node);
    (place.parent.linked ??= new Map()).set(place.name, this.generation);
    return former;
  }

  #follow(names: readonly ByteString[], mayCreate: boolean, fail: Fail): IndexedDirectory | undefined {
    const way = [this.root];
    const ahead: string[] = names.toReversed();
    let hops = 0;
    for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
      const here = way[way.length - 1] ?? this.root;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (way.length > 1) way.pop();
        continue;
      }
      let child = this.#child(here, name as ByteString);
      if (child === undefined) {
        if (!mayCreate) return undefined;
        child = { entry: IMPLIED, children: new Map(), generation: this.generation };
        if (name.length > 255) return fail("a symlink on its way has a name longer than 255 bytes");
        here.children.set(name as ByteString, child);
      }
      if (isDirectory(child)) {
        way.push(child);
        if (way.length > MAX_DEPTH) return fail(`symlinks lead it more than ${MAX_DEPTH} directories deep`);
        continue;
      }
      if (child.entry.type !== "symlink") return fail(`what should be its directory is a ${child.entry.type}`);
      hops += 1;
      if (hops > MAX_SYMLINK_HOPS) return fail(`its path goes through more than ${MAX_SYMLINK_HOPS} symlinks, or in a circle`);
      if (child.entry.target.startsWith("/")) way.length = 1;
      ahead.push(...child.entry.target.split("/").reverse());
    }
    return way[way.length - 1];
  }

  /** Puts every directory's names in order and fills hardlink groups. Afterwards nothing may be added. */
  finish(): void {
    const stack: { path: string; children: Iterator<[ByteString, IndexedNode]> }[] = [{ path: "", children: sorted(this.root) }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.children.next();
      if (next.done === true) {
        stack.pop();
        continue;
      }
      const [name, node] = next.value;
      if (isDirectory(node)) stack.push({ path: this.#hasLinks ? `${top.path}${name}/` : "", children: sorted(node) });
      else node.links?.push(`${top.path}${name}` as ByteString);
    }
  }
}

/** Whether a name of what was below still shows, where the index has nothing of that name. */
export function shownBelow({ gone }: IndexedDirectory, name: ByteString): boolean {
  return gone === undefined || (gone !== "all" && !gone.has(name));
}

function indexed(node: TreeNode): IndexedNode {
  if ("children" in node) return { entry: node.entry, children: new Map(), below: node };
  if (!("content" in node)) return { entry: node.entry };
  const { stored } = node.content;
  if (stored === undefined) throw new TypeError("a layer is read on top of a tree that no layers hold");
  return { entry: node.entry, stored, content: node.content };
}

export function isDirectory(node: IndexedNode): node is IndexedDirectory {
  return "children" in node;
}

function sorted(directory: IndexedDirectory): Iterator<[ByteString, IndexedNode]> {
  const names = [...directory.children.keys()];
  if (names.some((name, index) => index > 0 && name < (names[index - 1] ?? ""))) {
    const { children } = directory;
    directory.children = new Map(names.sort().map((name) => [name, children.get(name) as IndexedNode]));
  }
  return directory.children.entries();
}
