import { execFileSync } from "node:child_process";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { HistoryGraph, type GraphNode } from "../../../cli/render/history-graph.js";
import { inGraphOrder } from "../../../core/history/graph-order.js";
import type { CommitId } from "../../../core/model/ids.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

/** A history by its commits, the oldest first: each one's parents, by number. */
type Shape = readonly (readonly number[])[];

const NAMED: readonly (readonly [name: string, shape: Shape])[] = [
  ["a line", [[], [0], [1]]],
  ["a merge", [[], [0], [0], [1, 2]]],
  ["a criss-cross", [[], [0], [0], [1, 2], [2, 1], [3, 4]]],
  ["a criss-cross of two heads", [[], [0], [0], [1, 2], [2, 1]]],
  ["a merge of four", [[], [0], [0], [0], [0], [1, 2, 3, 4], [5]]],
  ["a merge of three beside other branches", [[], [0], [0], [0], [1, 2, 3], [0], [5, 4], [4, 0, 6]]],
  ["a merge with what it came from", [[], [0], [1], [2, 0]]],
  ["histories that share nothing", [[], [], [0], [1], [2, 3], []]],
  ["many heads", [[], [0], [0], [0], [0], [3], [4, 1]]],
];

for (const [name, shape] of NAMED) {
  test(`HistoryGraph draws ${name} as git does`, (t) => {
    for (const lines of [1, 3]) t.is(ours(shape, lines), gits(t, shape, lines));
  });
}

test("HistoryGraph draws any history as git does", (t) => {
  const seed = Number(process.env["VARVE_SEED"] ?? 20261127);
  const shapes = fc.sample(histories(), { seed, numRuns: 60 });
  for (const shape of shapes) {
    for (const lines of [1, 4])
      t.is(ours(shape, lines), gits(t, shape, lines), `${lines} lines each of ${JSON.stringify(shape)}`);
  }
});

test("HistoryGraph paints each line in its lane's colour, and no star", (t) => {
  const graph = new HistoryGraph((style, text) => `<${style}>${text}</>`);
  const drawn = [...nodesOf([[], [0], [0], [1, 2]])].map((node) => graph.draw(node, ["text"], false)).join("");
  const [first, second] = drawn.split("\n");
  t.is(first, "*   text");
  t.regex(second ?? "", /^<(\w+)>\|<\/><(?!\1)\w+>\\<\/>$/);
});

/** Of commits with up to four parents, mostly near ones. */
function histories(): fc.Arbitrary<Shape> {
  const parents = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 4 });
  return fc
    .array(parents, { minLength: 2, maxLength: 30 })
    .map((commits) =>
      commits.map((steps, number) => [...new Set(steps.map((step) => number - step).filter((parent) => parent >= 0))]),
    );
}

function text(number: number, lines: number): string[] {
  return Array.from({ length: lines }, (_, line) => `c${number}.${line}`);
}

function nodesOf(shape: Shape): Iterable<GraphNode & { readonly id: CommitId }> {
  const commits = new Map(
    shape.map((parents, number) => [
      `${number}` as CommitId,
      { id: `${number}` as CommitId, parents: parents.map((parent) => `${parent}` as CommitId), committer: { seconds: number } },
    ]),
  );
  return inGraphOrder(commits, [...commits.keys()].reverse());
}

function ours(shape: Shape, lines: number): string {
  const graph = new HistoryGraph((_, some) => some);
  let drawn = "";
  for (const node of nodesOf(shape)) drawn += graph.draw(node, text(Number(node.id), lines), lines > 1 && drawn !== "");
  return drawn;
}

/** Of a real repository of that shape. */
function gits(t: ExecutionContext, shape: Shape, lines: number): string {
  const cwd = temporaryDirectory(t);
  const git = (words: readonly string[], input = ""): string =>
    execFileSync("git", words, { cwd, input, encoding: "utf8", maxBuffer: 2 ** 26 });
  git(["init", "-q", "--bare", "."]);
  const commits = shape.map((parents, number) => {
    const message = `c${number}`;
    const links = parents.map((parent, index) => `${index === 0 ? "from" : "merge"} :${parent + 1}\n`).join("");
    const time = `${1_700_000_000 + number} +0000`;
    return `reset refs/heads/b${number}\ncommit refs/heads/b${number}\nmark :${number + 1}\ncommitter A <a@b> ${time}\ndata ${message.length}\n${message}\n${links}\n`;
  });
  git(["fast-import", "--quiet"], commits.join(""));
  const format =
    lines === 1
      ? "--format=%s.0"
      : `--pretty=format:${text(0, lines)
          .map((_, line) => `%s.${line}`)
          .join("%n")}%n`;
  const drawn = git(["log", "--graph", "--all", format]);
  return `${drawn.trimEnd()}\n`
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
