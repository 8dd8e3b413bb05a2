import { textOf, type ByteString } from "../model/byte-string.js";
import type { DeviceEntry, SymlinkEntry } from "../model/entry.js";
import type { FileNode, OtherNode } from "../model/tree.js";
import type { MarkerLabels } from "../text/merge-lines.js";
import type { Leaf } from "./compare-nodes.js";
import type { Favor } from "./drivers/content-driver.js";
import { mergeContent } from "./merge-content.js";
import { changedOne, mergeMetadata, type Dispute } from "./merge-metadata.js";
import type { MergeRules } from "./merge-rules.js";

/** Two versions of one path, both of the same type, and what they come from. */
export interface LeafSides {
  /** Absent where both sides added it, or made it another type. */
  readonly base: Leaf | undefined;
  readonly ours: Leaf;
  readonly theirs: Leaf;
}

export interface LeafMerge {
  /** Its links are not merged: those of ours. */
  readonly node: Leaf;
  readonly disputes: readonly Dispute[];
  readonly isMarked: boolean;
  readonly note?: string | undefined;
}

export interface LeafOptions {
  readonly labels: MarkerLabels;
  readonly favor: Favor | undefined;
  readonly rules: MergeRules;
}

/** Merges each property of a file, symlink, device, FIFO or socket. @throws VarveError LAYER_CORRUPT, INTERRUPTED. */
export async function mergeLeaves(path: ByteString, sides: LeafSides, options: LeafOptions): Promise<LeafMerge> {
  const { ours, theirs } = sides;
  const base = sides.base?.entry.type === ours.entry.type ? sides.base : undefined;
  const { metadata, disputes } = mergeMetadata(sides.base?.entry, ours.entry, theirs.entry, options.favor);
  const { links } = ours;
  if (isFile(ours) && isFile(theirs)) {
    const contents = { base: base !== undefined && isFile(base) ? base : undefined, ours, theirs };
    const { content, conflicts, isMarked, note } = await mergeContent(contents, { ...options, rule: options.rules.ruleOf(path) });
    const node: FileNode = { entry: { type: "file", ...metadata, size: content.size }, content, links };
    const disputed = conflicts.map((why): Dispute => ({ what: "content", why }));
    return { node, disputes: [...disputed, ...disputes], isMarked, note };
  }
  const [entry, why] = mergeEntry({ base, ours, theirs }, options.favor);
  const disputed: Dispute[] = why === undefined ? [] : [{ what: "content", why }];
  const node: OtherNode = { entry: { ...entry, ...metadata } as OtherNode["entry"], links };
  return { node, disputes: [...disputed, ...disputes], isMarked: false };
}

function isFile(node: Leaf): node is FileNode {
  return "content" in node;
}

/** Where a symlink points, which device it is. @returns Ours where it is disputed, and why. */
function mergeEntry({ base, ours, theirs }: LeafSides, favor: Favor | undefined): [entry: Leaf["entry"], why?: string] {
  const [one, other] = [ours.entry, theirs.entry];
  const shown = (describe: (entry: never) => string): string =>
    `${describe(one as never)} (ours), ${describe(other as never)} (theirs)`;
  const same =
    one.type === "symlink"
      ? (a: Leaf["entry"], b: Leaf["entry"]) => (a as SymlinkEntry).target === (b as SymlinkEntry).target
      : (a: Leaf["entry"], b: Leaf["entry"]) =>
          (a as Partial<DeviceEntry>).major === (b as Partial<DeviceEntry>).major &&
          (a as Partial<DeviceEntry>).minor === (b as Partial<DeviceEntry>).minor;
  const changed = changedOne(base?.entry, one, other, same);
  if (changed !== undefined) return [changed.value];
  if (favor !== undefined) return [favor === "ours" ? one : other];
  if (one.type === "symlink") return [one, `points at ${shown(({ target }: SymlinkEntry) => `"${textOf(target)}"`)}`];
  return [one, `device ${shown(({ major, minor }: DeviceEntry) => `${major}:${minor}`)}`];
}
