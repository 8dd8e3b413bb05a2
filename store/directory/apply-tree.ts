import { randomBytes } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import { treePathText } from "../../core/model/paths.js";
import type { DirectoryNode, FileNode, OtherNode, Tree, TreeNode } from "../../core/model/tree.js";
import { readToCompare } from "../../core/model/compare-entries.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { renameAt } from "../../linux/rename.js";
import { removeTree } from "../../linux/unlink.js";
import { systemFailure } from "../system-failure.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { sameMetadata, setMetadata } from "./entry-metadata.js";
import { leaderOf, type NodeWriter, setDirectoryMetadata } from "./node-writer.js";
import { nodeAt } from "./upper-placement.js";
import type { WritePermission } from "./write-permission.js";

export interface ApplyOptions {
  /** Names in the root that are not touched. */
  readonly exclude?: readonly string[];
  /** Paths of directories that stay, since they hold more than the current tree shows. */
  readonly keep?: ReadonlySet<ByteString> | undefined;
  /** Paths of directories on which something is mounted, whose metadata are not this tree's. */
  readonly mounts?: ReadonlySet<ByteString> | undefined;
  /**
   * A directory below the root, on its filesystem, that nobody else uses: there new things are written, so that what a killed process leaves is no
   * part of the tree. By default, and for what can't be moved from there, it is beside their places.
   */
  readonly staging?: ByteString | undefined;
}

/** What is written beside its place, for as long as it is not there. */
export const TEMPORARY_NAME: RegExp = /^\.varve-new-[0-9a-f]{12}-\d+$/;

/** What is to be done with one name, once all contents are written. */
interface Action {
  readonly directory: ByteString;
  readonly name: ByteString;
  /** Written already, to be moved here. */
  readonly staged?: StagedPlace;
  /** What stands here goes: a directory can't be replaced by a rename, nor replace anything but an empty one. */
  readonly remove?: boolean;
  /** Only the metadata differ. */
  readonly metadata?: FileNode | OtherNode;
}

interface StagedPlace {
  readonly directory: ByteString;
  readonly name: ByteString;
}

interface TouchedDirectory {
  readonly path: ByteString;
  readonly after: DirectoryNode;
}

/** What writes below one directory. The two openers are of the same root. */
export interface DirectoryWriter {
  readonly opener: DirectoryOpener;
  readonly sources: DirectoryOpener;
  readonly writer: NodeWriter;
}

/**
 * Makes a live directory equal to a tree in two steps: `stage` writes beside what is new, `finish` moves it into place. A
 * failure of the first, such as a full disk or an interruption, leaves all as it was; the second hears no signal.
 */
export class TreeChange {
  readonly #opener: DirectoryOpener;
  /** Opens where staged things are, so that the other keeps its place. */
  readonly #stagingOpener: DirectoryOpener;
  readonly #writer: NodeWriter;
  readonly #current: Tree;
  readonly #exclude: readonly string[];
  readonly #keep: ReadonlySet<ByteString>;
  readonly #mounts: ReadonlySet<ByteString>;
  readonly #staging: ByteString | undefined;
  readonly #permission: WritePermission | undefined;
  readonly #actions: Action[] = [];
  /** Parents before what is below them. */
  readonly #touched: TouchedDirectory[] = [];
  readonly #kept = new Map<ByteString, boolean>();
  readonly #temporary = `.varve-new-${randomBytes(6).toString("hex")}-`;
  #staged = 0;
  /** Names that come or go in the directory that is being compared. */
  #ownActions = 0;

  /** @param permission Given to only ask whether the change could be made. */
  constructor(
    { opener, sources, writer }: DirectoryWriter,
    current: Tree,
    { exclude = [], keep = new Set(), mounts = new Set(), staging }: ApplyOptions,
    permission?: WritePermission,
  ) {
    this.#opener = opener;
    this.#stagingOpener = sources;
    this.#staging = staging;
    this.#writer = writer;
    this.#current = current;
    this.#exclude = exclude;
    this.#keep = keep;
    this.#mounts = mounts;
    this.#permission = permission;
  }

  /** Finds what differs and writes it beside. */
  *stage(target: Tree): Turns<void> {
    try {
      yield* this.#compareDirectories(this.#current.root, target.root, "" as ByteString);
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  *#compareDirectories(before: DirectoryNode, after: DirectoryNode, path: ByteString): Turns<void> {
    const position = this.#touched.length;
    const isSameBelow = before.digest !== undefined && before.digest === after.digest;
    const namesChange = !isSameBelow && (yield* this.#compareChildren(before, after, path));
    if (!namesChange && sameMetadata(before.entry, after.entry)) return;
    this.#permission?.check(after.entry, path);
    this.#touched.splice(position, 0, { path, after });
  }

  /** @returns Whether names come or go here, which moves the directory's time. */
  *#compareChildren(before: DirectoryNode, after: DirectoryNode, path: ByteString): Turns<boolean> {
    const own = this.#ownActions;
    this.#ownActions = 0;
    const old = before.children()[Symbol.iterator]();
    let next = old.next();
    for (const [name, node] of after.children()) {
      if (path === "" && this.#exclude.includes(name)) continue;
      for (; !next.done && next.value[0] < name; next = old.next()) this.#remove(path, ...next.value);
      const same = !next.done && next.value[0] === name ? next.value[1] : undefined;
      yield* this.#compareNodes(same, node, path, name);
      if (same !== undefined) next = old.next();
    }
    for (; !next.done; next = old.next()) this.#remove(path, ...next.value);
    const namesChange = this.#ownActions > 0;
    this.#ownActions = own;
    return namesChange;
  }

  #remove(directory: ByteString, name: ByteString, node: TreeNode): void {
    const path = joinPath(directory, name);
    if ("children" in node && this.#keep.has(path)) {
      for (const [child, below] of node.children()) this.#remove(path, child, below);
      return;
    }
    this.#ownActions++;
    this.#actions.push({ directory, name, remove: true });
  }

  *#compareNodes(before: TreeNode | undefined, after: TreeNode, directory: ByteString, name: ByteString): Turns<void> {
    if (isTurnDue()) yield;
    const path = joinPath(directory, name);
    const isDirectory = before !== undefined && "children" in before;
    if (isDirectory && this.#mounts.has(path)) return;
    if (isDirectory && "children" in after) return yield* this.#compareDirectories(before, after, path);
    if (isDirectory && this.#keep.has(path)) throw holdsIgnored(path);
    yield* readToCompare(before, after) ?? [];
    if (before === undefined || "children" in after || isDirectory || !this.#staysInPlace(before, after, path)) {
      return yield* this.#stageNode(after, directory, name, isDirectory || (before !== undefined && "children" in after));
    }
    if (sameMetadata(before.entry, after.entry)) return;
    this.#permission?.check(after.entry, path);
    this.#actions.push({ directory, name, metadata: after });
  }

  /** Whether the inode that stands here is the one that the target's hardlink group keeps. */
  #staysInPlace(before: FileNode | OtherNode, after: FileNode | OtherNode, path: ByteString): boolean {
    const leader = leaderOf(after, path);
    if (leaderOf(before, path) !== leader) return false;
    return leader === path && after.links === undefined ? sameInode(before, after) : this.#keepsLeader(after, leader);
  }

  /** Whether the inode at a group's first name has the content wanted, and so is kept for the whole group. */
  #keepsLeader(after: FileNode | OtherNode, leader: ByteString): boolean {
    let kept = this.#kept.get(leader);
    if (kept === undefined) {
      const node = nodeAt(this.#current.root, leader);
      kept = node !== undefined && !("children" in node) && leaderOf(node, leader) === leader && sameInode(node, after);
      this.#kept.set(leader, kept);
      if (kept) this.#writer.noteLeader(leader, leader);
    }
    return kept;
  }

  *#stageNode(after: TreeNode, directory: ByteString, name: ByteString, remove: boolean): Turns<void> {
    const path = joinPath(directory, name);
    if (this.#permission !== undefined) yield* checkAll(this.#permission, after, path);
    const staged = { directory: this.#placeFor(after) ?? directory, name: `${this.#temporary}${this.#staged++}` as ByteString };
    this.#ownActions++;
    this.#actions.push({ directory, name, staged, remove });
    if (this.#permission !== undefined) return;
    yield* this.#noteKeptLeaders(after, path);
    yield* this.#writer.write(after, path, staged.directory, staged.name);
  }

  /** Moving a directory to another parent writes into it, which its own mode may forbid to all but root. */
  #placeFor(after: TreeNode): ByteString | undefined {
    return "children" in after && process.geteuid?.() !== 0 ? undefined : this.#staging;
  }

  /** A new name may belong to a group whose inode stands already. */
  *#noteKeptLeaders(after: TreeNode, path: ByteString): Turns<void> {
    if (isTurnDue()) yield;
    if ("children" in after) {
      for (const [name, child] of after.children()) yield* this.#noteKeptLeaders(child, joinPath(path, name));
    } else if (after.links !== undefined) {
      this.#keepsLeader(after, leaderOf(after, path));
    }
  }

  /** Moves into place what was staged, removes what is gone, and sets the times of directories last. */
  finish(): void {
    for (const action of this.#actions) {
      const path = treePathText(joinPath(action.directory, action.name));
      guarded(`change "${path}"`, path, () => this.#perform(action));
    }
    for (const { path, after } of this.#touched.toReversed()) this.#settle(path, after);
  }

  #perform({ directory, name, staged, remove, metadata }: Action): void {
    const descriptor = this.#opener.open(directory);
    if (remove) removeTree(descriptor, name);
    if (staged !== undefined) renameAt(this.#stagingOpener.open(staged.directory), staged.name, descriptor, name);
    if (metadata !== undefined) setMetadata(descriptor, name, metadata.entry);
  }

  #settle(path: ByteString, node: DirectoryNode): void {
    const text = treePathText(path);
    guarded(`change "${text}"`, text, () => setDirectoryMetadata(this.#opener.open(path), node));
  }

  #takeBack(): void {
    for (const { staged } of this.#actions) {
      if (staged !== undefined) attempt(() => removeTree(this.#stagingOpener.open(staged.directory), staged.name));
    }
    for (const { directory } of this.#actions) {
      const before = nodeAt(this.#current.root, directory);
      if (before && "children" in before) attempt(() => setDirectoryMetadata(this.#opener.open(directory), before));
    }
  }
}

/** Whether one inode could be the other but for its metadata. */
function sameInode(before: FileNode | OtherNode, after: FileNode | OtherNode): boolean {
  const [a, b] = [before.entry, after.entry];
  switch (a.type) {
    case "file":
      return b.type === "file" && a.size === b.size && sameContent(before as FileNode, after as FileNode);
    case "symlink":
      return b.type === "symlink" && a.target === b.target;
    case "character":
    case "block":
      return a.type === b.type && a.major === b.major && a.minor === b.minor;
    default:
      return a.type === b.type;
  }
}

function sameContent(before: FileNode, after: FileNode): boolean {
  return before.entry.size === 0 || before.content.digest() === after.content.digest();
}

function* checkAll(permission: WritePermission, node: TreeNode, path: ByteString): Turns<void> {
  if (isTurnDue()) yield;
  permission.check(node.entry, path);
  if (!("children" in node)) return;
  for (const [name, child] of node.children()) yield* checkAll(permission, child, joinPath(path, name));
}

export function holdsIgnored(path: ByteString): VarveError {
  const text = treePathText(path);
  return new VarveError("CONFLICT", `Cannot replace "${text}": it holds ignored paths, wanted a directory that may go`, {
    path: text,
    hint: "Move what is ignored in it elsewhere, then run the command again.",
  });
}

function guarded(task: string, path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw systemFailure(task, error, path);
  }
}

/** Undoing goes as far as it can. */
export function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The failure that is being undone is the one to report.
  }
}
