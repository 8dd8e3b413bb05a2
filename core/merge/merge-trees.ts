import { joinPath, type ByteString } from "../model/byte-string.js";
import { changeReasons, sameMetadata } from "../model/compare-entries.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";
import type { MarkerLabels } from "../text/merge-lines.js";
import { editedTree, TreeEdits } from "../trees/edited-tree.js";
import { childrenOfThree, type NamedTriple } from "../trees/walk-tree-triple.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { asDirectory, asLeaf, isKnownSame, isLeaf, isModified, isSame, isSameBelow } from "./compare-nodes.js";
import type { ConflictKind, MergeConflict, MergeNote, Renamed } from "./conflict.js";
import type { Favor } from "./drivers/content-driver.js";
import { followRenames, type AddedByBoth, type RenamingMerge } from "./follow-renames.js";
import { LinkMerge } from "./merge-links.js";
import { mergeLeaves, type LeafMerge, type LeafOptions, type LeafSides } from "./merge-leaves.js";
import { mergeMetadata, type Dispute } from "./merge-metadata.js";
import { ATTRIBUTES_FILE, MergeRules } from "./merge-rules.js";
import type { MergedTrees, Triple } from "./triple.js";

export interface MergeOptions {
  /** What stands behind conflict markers: names of the two sides. */
  readonly labels: MarkerLabels;
  /** Whose version is taken of contents and properties that both changed. Deletions, types and renames stay conflicts, as in git. */
  readonly favor?: Favor | undefined;
}

export interface MergedTree {
  /** Ours with what theirs changed. Reads the merged trees, which stay open; where there is a conflict it has ours, or markers. */
  readonly tree: Tree;
  /** In byte order of path. */
  readonly conflicts: readonly MergeConflict[];
  readonly notes: readonly MergeNote[];
}

/** Of one path: a file of users may have a conflict in each of its lines, and nobody reads them all in one. */
const MOST_DETAILS = 20;

/**
 * Three-way merge of trees: what one side alone changed is taken from it, by property, and text by lines. Subtrees that only one side changed are
 * taken by their digest, so that the cost follows what both changed.
 *
 * @param base What both sides come from; where there is none, the empty tree.
 * @throws VarveError LAYER_CORRUPT, INTERRUPTED.
 */
export async function mergeTrees(base: Tree, ours: Tree, theirs: Tree, options: MergeOptions): Promise<MergedTree> {
  return new TreeMerge({ base, ours, theirs }, options).run();
}

/** One merge while it is done: what is decided goes into `edits`, what is not into `conflicts`. */
class TreeMerge implements RenamingMerge {
  readonly trees: MergedTrees;
  readonly edits: TreeEdits = new TreeEdits();
  readonly result: Tree;
  readonly missing: Triple[] = [];
  readonly added: AddedByBoth[] = [];
  readonly gone: { readonly path: ByteString; readonly base: TreeNode }[] = [];
  readonly #options: LeafOptions;
  readonly #conflicts: MergeConflict[] = [];
  readonly #notes: MergeNote[] = [];
  readonly #links: LinkMerge;

  constructor(trees: MergedTrees, { labels, favor }: MergeOptions) {
    this.trees = trees;
    this.result = editedTree(trees.ours, this.edits);
    this.#links = new LinkMerge(trees, this.edits, this.result);
    this.#options = { labels, favor, rules: MergeRules.of(trees.ours, trees.theirs) };
  }

  async run(): Promise<MergedTree> {
    const { base, ours, theirs } = this.trees;
    const path = "" as ByteString;
    for (const text of this.#options.rules.complaints) this.note(ATTRIBUTES_FILE, text);
    await this.#directories(path, base.root, ours.root, theirs.root);
    await followRenames(this);
    const conflicts = [...(await this.#links.settle(this.#conflicts))];
    return { tree: this.result, conflicts: conflicts.sort(byPath), notes: this.#notes.sort(byPath) };
  }

  note(path: ByteString, text: string): void {
    this.#notes.push({ path, text });
  }

  /** @param details Sentences for people. */
  conflict(triple: Triple, kind: ConflictKind, details: readonly string[], more: Partial<MergeConflict> = {}): void {
    this.#conflicts.push({ ...triple, kind, details, disputed: [], isMarked: false, ...more });
  }

  /** @returns Whether the result holds something at the path; a promise only where something has to be read. */
  #node(triple: Triple): boolean | Promise<boolean> {
    const { path, base, ours, theirs } = triple;
    if (ours === undefined && theirs === undefined) {
      if (base !== undefined) this.gone.push({ path, base });
      return false;
    }
    if (isKnownSame(ours, theirs) || isKnownSame(base, theirs)) return ours !== undefined;
    if (isKnownSame(base, ours)) return this.#takeTheirs(path, theirs);
    this.#links.see(triple);
    const [ourDirectory, theirDirectory] = [asDirectory(ours), asDirectory(theirs)];
    const baseDirectory = asDirectory(base);
    if (ourDirectory !== undefined && theirDirectory !== undefined)
      return this.#directories(path, baseDirectory, ourDirectory, theirDirectory);
    if (baseDirectory !== undefined && theirs === undefined && ourDirectory !== undefined)
      return this.#deletedByThem(path, baseDirectory, ourDirectory);
    if (baseDirectory !== undefined && ours === undefined && theirDirectory !== undefined)
      return this.#deletedByUs(path, baseDirectory, theirDirectory);
    return ourDirectory === undefined && theirDirectory === undefined ? this.#leaves(triple) : this.#typesDiffer(triple);
  }

  #takeTheirs(path: ByteString, theirs: TreeNode | undefined): boolean {
    if (theirs === undefined) this.edits.remove(path);
    else this.edits.set(path, theirs);
    return theirs !== undefined;
  }

  async #directories(
    path: ByteString,
    base: DirectoryNode | undefined,
    ours: DirectoryNode,
    theirs: DirectoryNode,
  ): Promise<boolean> {
    const { metadata, disputes } = mergeMetadata(base?.entry, ours.entry, theirs.entry, this.#options.favor);
    const entry = { type: "directory", ...metadata } as const;
    const isTheirsBelow = base !== undefined && isSameBelow(base, ours) && !isSameBelow(ours, theirs);
    if (isTheirsBelow) this.edits.set(path, theirs);
    const stands: DirectoryNode = isTheirsBelow ? theirs : ours;
    if (!sameMetadata(stands.entry, entry)) this.edits.setEntry(path, entry);
    const [first] = disputes;
    if (first !== undefined) this.#dispute({ path, base, ours, theirs }, first.what, disputes, {});
    if (isTheirsBelow || isSameBelow(ours, theirs) || (base !== undefined && isSameBelow(base, theirs))) return true;
    await this.#children(path, base, ours, theirs);
    return true;
  }

  /** @returns Whether the result holds anything in the directory. */
  async #children(
    path: ByteString,
    base: DirectoryNode | undefined,
    ours: DirectoryNode | undefined,
    theirs: DirectoryNode | undefined,
  ): Promise<boolean> {
    // So that a deep tree does not fill the stack.
    await Promise.resolve();
    let holdsAny = false;
    for (const triple of childrenOfThree(base, ours, theirs)) {
      if (isTurnDue()) await yieldToSignals();
      const held = this.#node(at(path, triple));
      if (typeof held === "boolean" ? held : await held) holdsAny = true;
    }
    return holdsAny;
  }

  /** They deleted a directory in which we changed something: what we changed or added stays, the rest goes. */
  async #deletedByThem(path: ByteString, base: DirectoryNode, ours: DirectoryNode): Promise<boolean> {
    const holdsAny = !isSameBelow(base, ours) && (await this.#children(path, base, ours, undefined));
    if (holdsAny) return true;
    if (this.#isKept({ path, base, ours, theirs: undefined })) return true;
    this.edits.remove(path);
    return false;
  }

  async #deletedByUs(path: ByteString, base: DirectoryNode, theirs: DirectoryNode): Promise<boolean> {
    const holdsAny = !isSameBelow(base, theirs) && (await this.#children(path, base, undefined, theirs));
    if (holdsAny) this.edits.setEntry(path, theirs.entry);
    else this.#isKept({ path, base, ours: undefined, theirs });
    return holdsAny;
  }

  /** Of a directory that one side deleted and of which the other changed nothing but its own properties. */
  #isKept(triple: Triple): boolean {
    const { base, ours, theirs } = triple;
    const changed = ours ?? theirs;
    if (base === undefined || changed === undefined || !isModified(base, changed)) return false;
    this.deleteModify(triple);
    return true;
  }

  deleteModify(triple: Triple): void {
    const [deleter, changer] = triple.ours === undefined ? ["ours", "theirs"] : ["theirs", "ours"];
    this.conflict(triple, "delete/modify", [`deleted by ${deleter}, changed by ${changer}`]);
  }

  async #typesDiffer(triple: Triple): Promise<boolean> {
    const { path, base, ours, theirs } = triple;
    // Digests did not tell.
    if (await isSame(base, ours)) return this.#takeTheirs(path, theirs);
    if (await isSame(base, theirs)) return ours !== undefined;
    await this.#links.seeBelow(triple);
    if (ours === undefined || theirs === undefined) this.deleteModify(triple);
    else this.conflict(triple, "directory/file", [`a ${ours.entry.type} in ours, a ${theirs.entry.type} in theirs`]);
    return ours !== undefined;
  }

  /** Neither side has a directory. */
  #leaves(triple: Triple): boolean | Promise<boolean> {
    const { path, base, ours, theirs } = triple;
    if (isLeaf(ours) && isLeaf(theirs)) return this.#bothHave(triple, { base: asLeaf(base), ours, theirs });
    if (base !== undefined && !this.#links.isLostName(triple) && isModified(base, (ours ?? theirs)!)) this.missing.push(triple);
    else if (theirs === undefined) {
      this.edits.remove(path);
      return false;
    }
    return ours !== undefined;
  }

  async #bothHave(triple: Triple, sides: LeafSides): Promise<boolean> {
    const { base, ours, theirs } = sides;
    if (ours.entry.type === theirs.entry.type) {
      const merged = await this.merge(triple.path, sides);
      // They may have a common origin elsewhere.
      if (base === undefined && merged.disputes.length > 0) this.added.push({ triple, sides, merged });
      else this.put(triple, merged);
      return true;
    }
    // One of the two changed no more than the time.
    if (base !== undefined && !isModified(base, ours)) return this.#takeTheirs(triple.path, theirs);
    if (base !== undefined && !isModified(base, theirs)) return true;
    this.conflict(triple, "type", [`a ${ours.entry.type} in ours, a ${theirs.entry.type} in theirs`]);
    return true;
  }

  merge(path: ByteString, sides: LeafSides): Promise<LeafMerge> {
    return mergeLeaves(path, sides, this.#options);
  }

  put(triple: Triple, { node, disputes, isMarked, note }: LeafMerge, renamed?: Renamed): void {
    const place = renamed?.ours ?? renamed?.theirs ?? triple.path;
    const { ours, base } = triple;
    if (place !== triple.path || ours === undefined || changeReasons(ours, node).length > 0) this.edits.set(place, node);
    if (note !== undefined) this.note(place, note);
    const isAdded = base?.entry.type !== node.entry.type;
    const [first] = disputes;
    if (first === undefined) return;
    const kind = isAdded ? "add/add" : first.what;
    this.#dispute({ ...triple, path: place }, kind, disputes, { isMarked, ...(renamed && { renamed }) });
  }

  #dispute(triple: Triple, kind: ConflictKind, disputes: readonly Dispute[], more: Partial<MergeConflict>): void {
    const details = disputes.slice(0, MOST_DETAILS).map(({ why }) => why);
    if (disputes.length > MOST_DETAILS) details.push(`and ${disputes.length - MOST_DETAILS} more`);
    const disputed = [...new Set(disputes.map(({ what }) => what))];
    this.conflict(triple, kind, details, { disputed, ...more });
  }
}

function at(directory: ByteString, { name, base, ours, theirs }: NamedTriple): Triple {
  return { path: joinPath(directory, name), base, ours, theirs };
}

function byPath({ path: a }: { readonly path: ByteString }, { path: b }: { readonly path: ByteString }): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
