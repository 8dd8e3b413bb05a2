import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import type { ByteString } from "../../../core/model/byte-string.js";
import { hasMarkers, mergeLines, withMarkers } from "../../../core/text/merge-lines.js";
import { splitLines } from "../../../core/text/text-lines.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const LABELS = { ours: "ours", theirs: "theirs" };

async function merged(base: string, ours: string, theirs: string): Promise<string> {
  const [old, own, other] = [base, ours, theirs].map((text) => splitLines(text as ByteString));
  return withMarkers(await mergeLines(old!, own!, other!), LABELS);
}

/** What `git merge-file -p` prints. */
function byGit(folder: string, base: string, ours: string, theirs: string): string {
  for (const [name, text] of Object.entries({ base, ours, theirs })) writeFileSync(path.join(folder, name), text, "latin1");
  const labels = ["-L", LABELS.ours, "-L", "base", "-L", LABELS.theirs];
  const { stdout, status } = spawnSync("git", ["merge-file", "-p", ...labels, "ours", "base", "theirs"], {
    cwd: folder,
    encoding: "latin1",
  });
  if (status === null || status > 127) throw new TypeError("git merge-file failed");
  return stdout;
}

const TEXTS: readonly (readonly [what: string, base: string, ours: string, theirs: string])[] = [
  ["nothing", "", "", ""],
  ["two additions to nothing", "", "a\n", "b\n"],
  ["changes far apart", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n"],
  ["changes of neighbouring lines", "a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n"],
  ["changes with a line between", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n"],
  ["an insertion beside a change", "a\nb\n", "a\nx\nb\n", "a\nB\n"],
  ["the same change", "a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\n"],
  ["a part that is the same", "a\n", "x\n1\ny\n", "x\n2\ny\n"],
  ["conflicts with three lines between", "a\n1\n2\n3\nb\n", "A\n1\n2\n3\nB\n", "x\n1\n2\n3\ny\n"],
  ["conflicts with four lines between", "a\n1\n2\n3\n4\nb\n", "A\n1\n2\n3\n4\nB\n", "x\n1\n2\n3\n4\ny\n"],
  ["ends without a newline", "a\nb", "a\nB", "a\nx"],
  ["a newline at the end that came", "a\nb", "a\nb\n", "A\nb"],
  ["lines that end in CR LF", "a\r\nb\r\n", "A\r\nb\r\n", "x\r\nb\r\n"],
  ["a deletion against a change", "a\nb\nc\n", "a\nc\n", "a\nB\nc\n"],
  ["a deletion of all against an addition", "a\nb\n", "", "a\nb\nc\n"],
];

for (const [what, base, ours, theirs] of TEXTS) {
  test(`mergeLines() merges ${what} as git merge-file does`, async (t) => {
    t.is(await merged(base, ours, theirs), byGit(temporaryDirectory(t), base, ours, theirs));
  });
}

test("mergeLines() of edits of numbered lines gives what git merge-file gives", async (t) => {
  const folder = temporaryDirectory(t);
  const base = Array.from({ length: 12 }, (_, index) => `line ${index}`);
  const edit = fc.record({
    at: fc.nat(11),
    kind: fc.constantFrom("change", "delete", "insert"),
    text: fc.constantFrom("x", "y", "z"),
  });
  const edits = fc.array(edit, { maxLength: 4 });
  const apply = (some: readonly { at: number; kind: string; text: string }[]): string => {
    const lines = base.map((line, index) => {
      const own = some.find(({ at }) => at === index);
      if (own === undefined) return [line];
      return own.kind === "delete" ? [] : own.kind === "change" ? [`${own.text} ${index}`] : [`${own.text} new ${index}`, line];
    });
    return lines
      .flat()
      .map((line) => `${line}\n`)
      .join("");
  };
  await fc.assert(
    fc.asyncProperty(edits, edits, async (one, two) => {
      const texts = [apply([]), apply(one), apply(two)] as const;
      t.is(await merged(...texts), byGit(folder, ...texts));
    }),
    { numRuns: 300 },
  );
});

test("hasMarkers() sees what withMarkers() writes, and no line that only looks like it", async (t) => {
  t.true(hasMarkers((await merged("a\n", "b\n", "c\n")) as ByteString));
  t.true(hasMarkers((await merged("a\r\n", "b\r\n", "c\r\n")) as ByteString));
  t.false(hasMarkers("Title\n=======\ntext\n" as ByteString));
  t.false(hasMarkers("a <<<<<<< b\n=======\n" as ByteString));
});
