import type { ByteString } from "../model/byte-string.js";
import { changedLines, type LineChange } from "./line-diff.js";

type Lines = readonly ByteString[];

/** A stretch of a merged text: agreed on, or what each side has there. */
export type MergedStretch =
  | { readonly kind: "agreed"; readonly lines: Lines }
  | { readonly kind: "conflict"; readonly ours: Lines; readonly theirs: Lines };

/** As git: what stands between two conflicts is part of them, when it is no more than this. */
const SHORT_BETWEEN = 3;

/**
 * Three-way merge of two texts by lines, as git's: changes of the two sides that touch or overlap are a conflict, unless they are the same. Of a
 * conflict what both sides have is agreed on.
 *
 * @throws VarveError INTERRUPTED.
 */
export async function mergeLines(base: Lines, ours: Lines, theirs: Lines): Promise<MergedStretch[]> {
  const [own, other] = [await changedLines(base, ours), await changedLines(base, theirs)];
  const merged = new Stretches();
  const [fromOurs, fromTheirs] = [new Side(own, ours), new Side(other, theirs)];
  let position = 0;
  for (;;) {
    const start = Math.min(fromOurs.nextStart, fromTheirs.nextStart);
    merged.agree(base.slice(position, Math.min(start, base.length)));
    if (start === Infinity) return merged.joined();
    let end = start;
    // Each side's next change may make the range reach the other's.
    while (fromOurs.nextStart <= end || fromTheirs.nextStart <= end)
      end = Math.max(end, fromOurs.take(end), fromTheirs.take(end));
    const [one, two] = [fromOurs.region(start, end), fromTheirs.region(start, end)];
    if (!two.isChanged) merged.agree(one.lines, true);
    else if (!one.isChanged) merged.agree(two.lines, true);
    else if (sameLines(one.lines, two.lines)) merged.agree(one.lines);
    else for (const stretch of await refine(one.lines, two.lines)) merged.add(stretch);
    position = end;
  }
}

/** One side's changes, taken in order. */
class Side {
  readonly #changes: readonly LineChange[];
  readonly #lines: Lines;
  #next = 0;
  /** The first change of the range that is being put together. */
  #first = 0;

  constructor(changes: readonly LineChange[], lines: Lines) {
    this.#changes = changes;
    this.#lines = lines;
  }

  get nextStart(): number {
    return this.#changes[this.#next]?.beforeStart ?? Infinity;
  }

  /** Takes what begins in a range. @returns Where the last of it ends. */
  take(end: number): number {
    let reached = end;
    while (this.nextStart <= reached) reached = Math.max(reached, this.#changes[this.#next++]!.beforeEnd);
    return reached;
  }

  /** What stands here where the base has its lines `start` to `end`, and whether that is changed; the next range begins after it. */
  region(start: number, end: number): { readonly lines: Lines; readonly isChanged: boolean } {
    const before = this.#changes[this.#first - 1];
    const [first, last] = [this.#changes[this.#first], this.#changes[this.#next - 1]];
    const isChanged = this.#next > this.#first;
    this.#first = this.#next;
    const shift = before === undefined ? 0 : before.afterEnd - before.beforeEnd;
    if (!isChanged || first === undefined || last === undefined)
      return { lines: this.#lines.slice(start + shift, end + shift), isChanged };
    const from = start + first.afterStart - first.beforeStart;
    return { lines: this.#lines.slice(from, end + last.afterEnd - last.beforeEnd), isChanged };
  }
}

/** Of what is agreed on, whether one side alone changed something of it. */
type Stretch = { kind: "agreed"; lines: ByteString[]; isOneSided: boolean } | Conflict;
type Conflict = MergedStretch & { kind: "conflict" };

class Stretches {
  readonly #stretches: Stretch[] = [];

  agree(lines: Lines, isOneSided = false): void {
    if (lines.length === 0 && !isOneSided) return;
    let last = this.#stretches.at(-1);
    if (last?.kind !== "agreed") this.#stretches.push((last = { kind: "agreed", lines: [], isOneSided }));
    last.isOneSided ||= isOneSided;
    for (const line of lines) last.lines.push(line);
  }

  add(stretch: MergedStretch): void {
    if (stretch.kind === "agreed") this.agree(stretch.lines);
    else this.#stretches.push(stretch);
  }

  /** Conflicts with next to nothing between are one. */
  joined(): MergedStretch[] {
    const joined: Stretch[] = [];
    for (const stretch of this.#stretches) {
      const [former, between] = [joined.at(-2), joined.at(-1)];
      const isNear = between?.kind === "agreed" && !between.isOneSided && between.lines.length <= SHORT_BETWEEN;
      if (stretch.kind === "conflict" && former?.kind === "conflict" && isNear)
        joined.splice(-2, 2, joinedBy(former, between.lines, stretch));
      else joined.push(stretch);
    }
    return joined
      .filter((stretch) => stretch.kind === "conflict" || stretch.lines.length > 0)
      .map((stretch) => (stretch.kind === "conflict" ? stretch : { kind: "agreed", lines: stretch.lines }));
  }
}

function joinedBy(one: Conflict, between: Lines, other: Conflict): Conflict {
  const join = (side: "ours" | "theirs"): Lines => [...one[side], ...between, ...other[side]];
  return { kind: "conflict", ours: join("ours"), theirs: join("theirs") };
}

/** What both sides of a conflict have is none. */
async function refine(ours: Lines, theirs: Lines): Promise<MergedStretch[]> {
  const found: MergedStretch[] = [];
  let position = 0;
  for (const { beforeStart, beforeEnd, afterStart, afterEnd } of await changedLines(ours, theirs)) {
    found.push({ kind: "agreed", lines: ours.slice(position, beforeStart) });
    found.push({ kind: "conflict", ours: ours.slice(beforeStart, beforeEnd), theirs: theirs.slice(afterStart, afterEnd) });
    position = beforeEnd;
  }
  return [...found, { kind: "agreed", lines: ours.slice(position) }];
}

function sameLines(one: Lines, two: Lines): boolean {
  return one.length === two.length && one.every((line, index) => line === two[index]);
}

export interface MarkerLabels {
  /** What stands behind `<<<<<<<` and `>>>>>>>`. */
  readonly ours: string;
  readonly theirs: string;
}

/** A merged text with git's conflict markers around what the sides disagree on. Each line keeps its end; markers take that of the text. */
export function withMarkers(stretches: readonly MergedStretch[], { ours, theirs }: MarkerLabels): ByteString {
  const end = lineEndOf(stretches);
  const marker = (text: string): string => Buffer.from(text, "utf8").toString("latin1") + end;
  return stretches
    .map((stretch) => {
      if (stretch.kind === "agreed") return stretch.lines.join("");
      const [one, two] = [ended(stretch.ours, end), ended(stretch.theirs, end)];
      return marker(`<<<<<<< ${ours}`) + one + marker("=======") + two + marker(`>>>>>>> ${theirs}`);
    })
    .join("") as ByteString;
}

function ended(lines: Lines, end: string): string {
  const text = lines.join("");
  return text === "" || text.endsWith("\n") ? text : text + end;
}

function lineEndOf(stretches: readonly MergedStretch[]): string {
  for (const stretch of stretches) {
    const [first] = stretch.kind === "agreed" ? stretch.lines : [...stretch.ours, ...stretch.theirs];
    if (first !== undefined) return first.endsWith("\r\n") ? "\r\n" : "\n";
  }
  return "\n";
}

/** Whether a text still has a line that begins, parts or ends a conflict. */
export function hasMarkers(text: ByteString): boolean {
  return /^(?:<{7} |>{7} )/m.test(text) && /^={7}\r?$/m.test(text);
}
