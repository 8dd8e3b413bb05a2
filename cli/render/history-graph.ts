import type { Style, Terminal } from "../terminal.js";

/** What is drawn as one star, and where its lines lead. */
export interface GraphNode {
  readonly id: string;
  readonly parents: readonly string[];
}

/** A line on its way down to a commit that is still to come. */
interface Lane {
  readonly id: string;
  readonly colour: number;
}

/** What one commit does to the lanes. */
interface Step {
  readonly node: GraphNode;
  readonly before: readonly Lane[];
  readonly after: readonly Lane[];
  /** The commit's lane among `before`, or their number for one that comes out of the blue. */
  readonly at: number;
  /** By place on the screen: the lane of `after` that the line which leaves from there shall reach, two places a lane. */
  readonly targets: readonly (number | undefined)[];
  /** Whether a merge's first line leans to a lane on its left. */
  readonly leansLeft: boolean;
  /** How many lanes the lines on the right are pushed aside; -1 when one of them meets the merge's last line at once. */
  readonly spread: number;
  /** Of each of its rows, at least: text stands in one column. */
  readonly width: number;
}

type RowKind = "commit" | "merge" | "collapse" | "padding" | "none";

/** What the row before tells: lines go on from it. */
interface Last {
  readonly kind: RowKind;
  readonly at: number;
  readonly spread: number;
  readonly targets: readonly (number | undefined)[];
}

const COLOURS: readonly Style[] = ["red", "green", "yellow", "cyan"];

/**
 * Draws a history beside its commits, in the shapes that `git log --graph` draws: `*` a commit, `|` `/` `\` `_` lines to those that it comes from. Commits come
 * children before parents.
 */
export class HistoryGraph {
  readonly #paint: Terminal["paint"];
  #lanes: readonly Lane[] = [];
  #colour = 0;
  #margin = "";
  #last: Last = { kind: "none", at: 0, spread: 0, targets: [] };

  constructor(paint: Terminal["paint"]) {
    this.#paint = paint;
  }

  /**
   * The rows of the next commit, each with a newline.
   *
   * @param text Its lines, of which the first stands beside the star.
   * @param isApart Whether a row without text comes before, as between commits of several lines.
   */
  draw(node: GraphNode, text: readonly string[], isApart: boolean): string {
    const step = this.#enter(node);
    const hasRow = isApart && (step.before.length > 0 || this.#last.kind !== "none");
    let drawn = hasRow && roomFor(step) === 0 ? line(this.#separator(step), "") : "";
    const rows = this.#rows(step);
    let row = rows.next();
    let said = -1;
    for (; row.done !== true; row = rows.next()) {
      if (row.value.kind === "commit") said = 0;
      drawn += line(row.value.cells.widen(step.width), said >= 0 ? (text[said++] ?? "") : "");
    }
    this.#margin = this.#padding(step).widen(step.width).text;
    for (; said < text.length; said += 1) drawn += `${`${this.#margin}${text[said] ?? ""}`.trimEnd()}\n`;
    return drawn;
  }

  /** What stands before further lines of the commit that was drawn last. */
  get margin(): string {
    return this.#margin;
  }

  #enter(node: GraphNode): Step {
    const before = this.#lanes;
    const found = before.findIndex(({ id }) => id === node.id);
    const at = found === -1 ? before.length : found;
    const plan = new LanePlan(before, node, at, () => this.#colour++);
    this.#lanes = plan.after;
    return { node, before, at, ...plan.result() };
  }

  *#rows(step: Step): Generator<{ kind: RowKind; cells: Row }> {
    const { node, at, spread } = step;
    // Such a row also keeps commits apart.
    for (let widened = 0; widened < roomFor(step); widened += 1) {
      yield { kind: "padding", cells: this.#widening(step, widened) };
      this.#last = { ...this.#last, kind: "padding" };
    }
    yield { kind: "commit", cells: this.#commit(step) };
    let last: Last = { kind: "commit", at, spread, targets: step.targets };
    if (node.parents.length > 1) {
      this.#last = last = { ...last, kind: "merge" };
      yield { kind: "merge", cells: this.#merge(step) };
    }
    let targets = [...step.targets];
    while (!areInPlace(targets)) {
      const moved = moveLeft(targets);
      this.#last = last = { kind: "collapse", at, spread, targets: moved.shown };
      yield { kind: "collapse", cells: this.#collapse(step, moved) };
      targets = moved.targets;
    }
    this.#last = last;
  }

  /** One more column of room on the right of a commit of three parents and more. */
  #widening({ before, node, at }: Step, widened: number): Row {
    const row = new Row(this.#paint);
    for (const [index, { id, colour }] of before.entries()) {
      if (id === node.id) row.add("|", colour).blank(widened);
      else if (index < at) row.add("|", colour);
      else row.add(widened > 0 || (this.#last.kind === "merge" && this.#last.at < index) ? "\\" : "|", colour);
      row.blank(1);
    }
    return row;
  }

  #commit(step: Step): Row {
    const { before, at } = step;
    const row = new Row(this.#paint);
    for (let index = 0; index <= Math.max(at, before.length - 1); index += 1) {
      if (index === at) {
        row.add("*", undefined);
        this.#dashes(row, step, dashesOf(step));
      } else row.add(this.#besideCommit(step, index), before[index]!.colour);
      row.blank(1);
    }
    return row;
  }

  #besideCommit({ at, spread, targets }: Step, index: number): string {
    const last = this.#last;
    if (index > at && spread > 1) return "\\";
    if (index > at && spread === 1) return last.kind === "merge" && last.spread > 0 && last.at < index ? "\\" : "|";
    // A line that came from the right in the row before, and goes on.
    const goesOn = last.targets[2 * index + 1] === index && (targets[2 * index] ?? -1) < index;
    return last.kind === "collapse" && goesOn ? "/" : "|";
  }

  /** `*-.`: lines to a third parent and more. */
  #dashes(row: Row, { at, targets, after }: Step, count: number): void {
    for (let dash = 0; dash < count; dash += 1) {
      const lane = after[targets[(at + dash + 2) * 2] ?? 0];
      row.add("-", lane?.colour).add(dash === count - 1 ? "." : "-", lane?.colour);
    }
  }

  #merge(step: Step): Row {
    const { before, at, spread, node, leansLeft, after } = step;
    const row = new Row(this.#paint);
    let passed: Lane | undefined;
    for (let index = 0; index <= Math.max(at, before.length - 1); index += 1) {
      const lane = before[index];
      if (index === at) {
        this.#mergeLines(row, step);
        if (spread === 0) row.blank(1);
      } else if (index > at) row.add(spread > 0 ? "\\" : "|", lane!.colour).blank(1);
      else {
        row.add("|", lane!.colour);
        if (!leansLeft || index !== at - 1) {
          if (passed === undefined) row.blank(1);
          else row.add("_", passed.colour);
        }
      }
      if (lane !== undefined && lane.id === node.parents[0]) passed = after.find(({ id }) => id === lane.id) ?? lane;
    }
    return row;
  }

  #mergeLines(row: Row, { node, leansLeft, spread, after }: Step): void {
    let shape = leansLeft ? 0 : 1;
    for (const [index, parent] of node.parents.entries()) {
      row.add("/|\\"[shape]!, after.find(({ id }) => id === parent)?.colour);
      if (shape < 2) shape += 1;
      else if (spread > 0 || index < node.parents.length - 1) row.blank(1);
    }
  }

  #collapse({ after }: Step, { cells }: Moved): Row {
    const row = new Row(this.#paint);
    for (const cell of cells) {
      if (cell === undefined) row.blank(1);
      else row.add(cell.shape, after[cell.lane]?.colour);
    }
    return row;
  }

  #padding({ after }: Step): Row {
    const row = new Row(this.#paint);
    for (const { colour } of after) row.add("|", colour).blank(1);
    return row;
  }

  #separator({ before, node }: Step): Row {
    this.#last = { ...this.#last, kind: "padding" };
    const row = new Row(this.#paint);
    for (const { id, colour } of before) {
      row.add("|", colour).blank(id === node.id && node.parents.length > 2 ? (node.parents.length - 2) * 2 : 1);
    }
    return row;
  }
}

/** Lines of a merge that leave its row sidewards: those to its third parent and later ones. */
function dashesOf({ node, leansLeft }: Step): number {
  return Math.max(0, node.parents.length - (leansLeft ? 3 : 2));
}

/** Rows in which the lanes on its right make room for them. */
function roomFor(step: Step): number {
  return step.node.parents.length > 2 && step.at < step.before.length - 1 ? 2 * dashesOf(step) : 0;
}

/** Finds places for the lines that leave a commit's row. */
class LanePlan {
  readonly after: Lane[] = [];
  readonly #targets: (number | undefined)[] = [];
  readonly #newColour: () => number;
  readonly #before: ReadonlyMap<string, Lane>;
  #width = 0;
  #spread = 0;
  #leansLeft = false;

  constructor(before: readonly Lane[], node: GraphNode, at: number, newColour: () => number) {
    this.#newColour = newColour;
    this.#before = new Map(before.map((lane) => [lane.id, lane]));
    for (const [index, lane] of before.entries()) {
      if (index === at) this.#branchOff(node, at);
      else this.#goOn(this.#laneOf(lane.id));
    }
    if (at === before.length) this.#branchOff(node, at);
  }

  result(): Pick<Step, "after" | "targets" | "leansLeft" | "spread" | "width"> {
    return { width: this.#width, after: this.after, targets: this.#targets, leansLeft: this.#leansLeft, spread: this.#spread };
  }

  #branchOff({ parents }: GraphNode, at: number): void {
    const isMerge = parents.length > 1;
    for (const [index, parent] of parents.entries()) {
      const lane = this.#laneOf(parent);
      if (isMerge && index === 0) this.#firstOfMerge(lane, at - lane, parents.length);
      else this.#goOn(lane);
    }
    if (parents.length === 0) this.#width += 2;
  }

  /** @param distance Of the lane to the left of the commit. */
  #firstOfMerge(lane: number, distance: number, parents: number): void {
    this.#leansLeft = distance > 0;
    this.#spread = parents - (this.#leansLeft ? 2 : 1);
    if (this.#leansLeft) this.#targets[this.#width - (distance > 1 ? 2 * distance - 3 : 1)] = lane;
    else this.#place(lane);
  }

  #goOn(lane: number): void {
    // The merge's last line and this one lead to one commit: they meet at once.
    if (this.#spread > 0 && this.#targets[this.#width - 2] === lane) this.#spread = -1;
    else this.#place(lane);
  }

  #place(lane: number): void {
    this.#targets[this.#width] = lane;
    this.#width += 2;
  }

  #laneOf(id: string): number {
    const found = this.after.findIndex((lane) => lane.id === id);
    if (found !== -1) return found;
    return this.after.push(this.#before.get(id) ?? { id, colour: this.#newColour() }) - 1;
  }
}

interface Moved {
  /** Where lines are after the row, for the next one. */
  readonly targets: (number | undefined)[];
  /** The same, before what was drawn flat is taken out. */
  readonly shown: readonly (number | undefined)[];
  readonly cells: readonly ({ readonly lane: number; readonly shape: string } | undefined)[];
}

function areInPlace(targets: readonly (number | undefined)[]): boolean {
  return targets.every((lane, place) => lane === undefined || lane === place >> 1);
}

/** One row in which lines move to their lanes, a place a row; a line with free way goes flat, at most one in a row. */
function moveLeft(before: readonly (number | undefined)[]): Moved {
  const targets: (number | undefined)[] = [];
  let flat: { readonly from: number; readonly lane: number } | undefined;
  before.forEach((lane, place) => {
    if (lane === undefined) return;
    if (lane * 2 === place) targets[place] = lane;
    else if (targets[place - 1] === undefined || targets[place - 1] !== lane) {
      // Past a line that stands on the left it crosses over.
      const to = targets[place - 1] === undefined ? place - 1 : place - 2;
      targets[to] = lane;
      if (flat === undefined) {
        flat = { from: to + 1, lane };
        for (let way = lane * 2 + 3; way < place - 2; way += 2) targets[way] = lane;
      }
    }
  });
  const shown = [...targets];
  let isFlat = false;
  const cells = Array.from(targets, (lane, place) => {
    if (lane === undefined) return undefined;
    if (lane * 2 === place) return { lane, shape: "|" };
    if (flat !== undefined && lane === flat.lane && place !== flat.from - 1) {
      // Only its first part goes on in the next row.
      if (place !== lane * 2 + 3) targets[place] = undefined;
      isFlat = true;
      return { lane, shape: "_" };
    }
    if (flat !== undefined && isFlat && place < flat.from) targets[place] = undefined;
    return { lane, shape: "/" };
  });
  return { targets, shown, cells };
}

/** Characters of a row, each in the colour of its lane. */
class Row {
  readonly #paint: Terminal["paint"];
  text = "";
  #width = 0;

  constructor(paint: Terminal["paint"]) {
    this.#paint = paint;
  }

  add(character: string, colour: number | undefined): this {
    this.#width += 1;
    this.text += colour === undefined ? character : this.#paint(COLOURS[colour % COLOURS.length]!, character);
    return this;
  }

  blank(count: number): this {
    this.text += " ".repeat(count);
    this.#width += count;
    return this;
  }

  widen(width: number): this {
    return this.blank(Math.max(0, width - this.#width));
  }
}

function line({ text }: Row, words: string): string {
  return `${`${text}${words}`.trimEnd()}\n`;
}
