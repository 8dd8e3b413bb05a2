import test from "ava";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { detectCopies } from "../../../core/trees/detect-copies.js";
import { withoutTimes } from "../../../core/trees/ignore-times.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

/** `name` or `name=content`, with `*` in front for another mode and `+` for another mtime. */
function entriesOf(text: string): DescribedEntry[] {
  return [
    { path: "", type: "directory" },
    ...text
      .split(" ")
      .filter(Boolean)
      .map((word): DescribedEntry => {
        const [, marks = "", path = "", content = path] = /^([*+]*)([^=]*)(?:=(.*))?$/.exec(word) ?? [];
        const [mode, mtimeSeconds] = [marks.includes("*") ? 0o600 : 0o644, marks.includes("+") ? 5 : 4];
        return { path, type: "file", content, mode, mtimeSeconds };
      }),
  ];
}

const rows: readonly (readonly [why: string, before: string, after: string, wholeTree: boolean, wants: string])[] = [
  ["a copy of what changed", "a=one", "a=two b=one", false, "M a content;C b <a"],
  ["a copy with another mode", "a=one", "a=two *b=one", false, "M a content;C b mode <a"],
  ["two copies of what was renamed", "a=one", "b=one c=one", false, "R b <a;C c <a"],
  ["a copy of what changed its mode alone", "a=one", "*a=one b=one", false, "M a mode;C b <a"],
  ["no copy of what did not change", "a=one", "a=one b=one", false, "A b"],
  ["a copy of what did not change, in the whole tree", "a=one", "a=one b=one", true, "C b <a"],
  ["no copy of what was added", "", "a=one b=one", true, "A a;A b"],
  ["no copy of the empty file", "a=", "*a= b=", true, "M a mode;A b"],
  ["no copy of a file of that size", "a=one", "a=two b=six", true, "M a content;A b"],
];

for (const [why, before, after, wholeTree, wants] of rows) {
  test(`detectCopies() finds ${why}`, async (t) => {
    const [old, now] = [memoryTree(entriesOf(before)), memoryTree(entriesOf(after))];
    const changes = await detectCopies(await compareTrees(old, now), old, wholeTree);
    const lines = changes.map(({ status, path, reasons, from }) =>
      [`${status} ${path}`, ...reasons, ...(from === undefined ? [] : [`<${from}`])].join(" "),
    );
    t.is(lines.join(";"), wants);
  });
}

test("withoutTimes() leaves out what differs in its mtime alone, and counts it", async (t) => {
  const [old, now] = [
    memoryTree(entriesOf("a=one b=two c=three d=four")),
    memoryTree(entriesOf("+a=one +*b=two c=three +e=four")),
  ];
  const { changes, ignored } = withoutTimes(await compareTrees(old, now));
  t.deepEqual(
    changes.map(({ status, path, reasons }) => [status, path, ...reasons].join(" ")),
    ["M b mode", "R e"],
  );
  t.is(ignored, 1);
});
