import type { ByteString } from "../model/byte-string.js";
import { sameContent } from "../model/compare-entries.js";
import type { FileContent, FileNode } from "../model/tree.js";
import { bytesOfContent, contentOfBytes } from "../trees/content-of-bytes.js";
import type { MarkerLabels } from "../text/merge-lines.js";
import type { ContentDriver, Favor } from "./drivers/content-driver.js";
import { mergeApkInstalled, mergeDpkgStatus } from "./drivers/merge-packages.js";
import { mergeText, mergeUnion } from "./drivers/merge-text.js";
import { userDatabaseDriver } from "./drivers/merge-user-database.js";
import { isNewer } from "./merge-metadata.js";
import type { ContentRule, FoundRule } from "./merge-rules.js";

/** Merging by lines takes memory some times this. */
const LARGEST_TEXT = 32 << 20;

export interface ContentSides {
  /** Absent where both sides added the file. */
  readonly base: FileNode | undefined;
  readonly ours: FileNode;
  readonly theirs: FileNode;
}

export interface ContentMerge {
  /** Ours where there are conflicts and no markers. */
  readonly content: FileContent;
  readonly conflicts: readonly string[];
  readonly isMarked: boolean;
  readonly note?: string;
}

export interface ContentOptions {
  readonly labels: MarkerLabels;
  readonly favor: Favor | undefined;
  readonly rule: FoundRule | undefined;
}

const DRIVERS: Readonly<Record<Exclude<ContentRule, "binary" | "ours" | "theirs" | "newer">, ContentDriver>> = {
  text: mergeText,
  union: mergeUnion,
  passwd: userDatabaseDriver("passwd"),
  group: userDatabaseDriver("group"),
  shadow: userDatabaseDriver("shadow"),
  gshadow: userDatabaseDriver("gshadow"),
  subid: userDatabaseDriver("subid"),
  dpkg: mergeDpkgStatus,
  apk: mergeApkInstalled,
};

/** Merges a file's contents. @throws VarveError LAYER_CORRUPT, INTERRUPTED. */
export async function mergeContent(sides: ContentSides, options: ContentOptions): Promise<ContentMerge> {
  const { base, ours, theirs } = sides;
  if (sameContent(ours.content, theirs.content)) return clean(ours.content);
  if (base !== undefined && sameContent(base.content, ours.content)) return clean(theirs.content);
  if (base !== undefined && sameContent(base.content, theirs.content)) return clean(ours.content);
  const { rule, hint } = options.rule ?? { rule: undefined, hint: undefined };
  switch (rule) {
    case "ours":
    case "theirs":
      return clean(sides[rule].content);
    case "newer":
      return newer(sides, hint);
    case "binary":
      return whole(sides, options.favor, "both sides changed it, and it is not merged by lines");
    default:
      return driven(sides, options, rule);
  }
}

function clean(content: FileContent): ContentMerge {
  return { content, conflicts: [], isMarked: false };
}

function newer({ ours, theirs }: ContentSides, hint: string | undefined): ContentMerge {
  const side = isNewer(theirs.entry, ours.entry) ? "theirs" : "ours";
  const note = `both sides changed it: took the newer, ${side}${hint === undefined ? "" : `; ${hint}`}`;
  return { ...clean(side === "ours" ? ours.content : theirs.content), note };
}

function whole(sides: ContentSides, favor: Favor | undefined, why: string): ContentMerge {
  if (favor !== undefined) return clean(sides[favor].content);
  return { content: sides.ours.content, conflicts: [why], isMarked: false };
}

async function driven(
  sides: ContentSides,
  { labels, favor }: ContentOptions,
  rule: keyof typeof DRIVERS | undefined,
): Promise<ContentMerge> {
  const { base, ours, theirs } = sides;
  const known = [base, ours, theirs].flatMap((node) => node?.content ?? []);
  if (known.some(({ size }) => size > LARGEST_TEXT))
    return whole(sides, favor, `both sides changed it, and it has more than ${LARGEST_TEXT >> 20} MiB`);
  const bytes = known.map(bytesOfContent);
  if (rule === undefined && bytes.some((each) => each.includes(0)))
    return whole(sides, favor, "both sides changed it, and it is no text");
  const [other, own, old] = bytes.reverse().map((each) => each.toString("latin1") as ByteString);
  const input = { base: old, ours: own!, theirs: other!, labels, favor };
  const { content, conflicts } = await DRIVERS[rule ?? "text"](input);
  const isMarked = conflicts.length > 0;
  if (content === own) return { content: ours.content, conflicts, isMarked };
  if (content === other) return { content: theirs.content, conflicts, isMarked };
  return { content: contentOfBytes(Buffer.from(content, "latin1")), conflicts, isMarked };
}
