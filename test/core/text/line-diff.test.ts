import test from "ava";
import fc from "fast-check";
import { bytesOfText, type ByteString } from "../../../core/model/byte-string.js";
import { changedLines, type LineChange } from "../../../core/text/line-diff.js";
import { isText, splitLines } from "../../../core/text/text-lines.js";

const lines = (text: string): ByteString[] => Array.from(text) as ByteString[];
const shown = ({ beforeStart, beforeEnd, afterStart, afterEnd }: LineChange): string =>
  `${beforeStart}-${beforeEnd} ${afterStart}-${afterEnd}`;

const ROWS: readonly (readonly [before: string, after: string, changes: readonly string[]])[] = [
  ["", "", []],
  ["abc", "abc", []],
  ["", "ab", ["0-0 0-2"]],
  ["ab", "", ["0-2 0-0"]],
  ["abc", "axc", ["1-2 1-2"]],
  ["abcabba", "cbabac", ["0-1 0-1", "2-3 2-2", "5-6 4-4", "7-7 5-6"]],
  ["ab", "xy", ["0-2 0-2"]],
  ["abcd", "bcda", ["0-1 0-0", "4-4 3-4"]],
];

for (const [before, after, changes] of ROWS) {
  test(`changedLines() of "${before}" and "${after}" is [${changes.join(", ")}]`, async (t) => {
    const found = await changedLines(lines(before), lines(after));
    t.deepEqual(rebuilt(lines(before), lines(after), found), lines(after));
    t.is(
      found.reduce((sum, change) => sum + size(change), 0),
      changes.reduce((sum, text) => sum + sizeOf(text), 0),
    );
    if (before !== "abcabba") t.deepEqual(found.map(shown), changes);
  });
}

test("applying changedLines() to the lines before gives the lines after", async (t) => {
  const some = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { maxLength: 40 });
  const property = fc.asyncProperty(some, some, async (before, after) => {
    const found = await changedLines(before as ByteString[], after as ByteString[]);
    return rebuilt(before as ByteString[], after as ByteString[], found).join("") === after.join("");
  });
  await t.notThrowsAsync(() => fc.assert(property));
});

test("changedLines() of long texts that share little finds the lines that they share", async (t) => {
  const shared = (index: number): boolean => index % 50 === 0;
  const make = (side: string): ByteString[] =>
    Array.from({ length: 20_000 }, (_, index) => `${shared(index) ? "both" : side} ${index}\n` as ByteString);
  const [before, after] = [make("old"), make("new")];
  const found = await changedLines(before, after);
  t.deepEqual(rebuilt(before, after, found), after);
  t.is(found.length, 400);
  t.true(found.every(({ beforeStart, beforeEnd }) => beforeEnd - beforeStart === 49));
});

test("changedLines() of long texts that share nothing is one change", async (t) => {
  const make = (side: string): ByteString[] => Array.from({ length: 5000 }, (_, index) => `${side} ${index}\n` as ByteString);
  t.deepEqual((await changedLines(make("old"), make("new"))).map(shown), ["0-5000 0-5000"]);
});

test("splitLines() keeps each newline, and the lack of the last", (t) => {
  t.deepEqual(splitLines("a\n\nb" as ByteString), ["a\n", "\n", "b"] as ByteString[]);
  t.deepEqual(splitLines("a\n" as ByteString), ["a\n"] as ByteString[]);
  t.deepEqual(splitLines("" as ByteString), []);
});

test("isText() takes what has a NUL among its first 8,000 bytes for no text", (t) => {
  t.true(isText(Buffer.from(bytesOfText("ä\xff\n"), "latin1")));
  t.false(isText(Buffer.from("a\0b")));
  t.true(isText(Buffer.concat([Buffer.alloc(8000, "a"), Buffer.alloc(1)])));
});

/** Keeps to the lines before wherever the changes say that nothing changed. */
function rebuilt(before: readonly ByteString[], after: readonly ByteString[], changes: readonly LineChange[]): ByteString[] {
  const result: ByteString[] = [];
  let at = 0;
  for (const { beforeStart, beforeEnd, afterStart, afterEnd } of changes) {
    result.push(...before.slice(at, beforeStart), ...after.slice(afterStart, afterEnd));
    at = beforeEnd;
  }
  return [...result, ...before.slice(at)];
}

function size({ beforeStart, beforeEnd, afterStart, afterEnd }: LineChange): number {
  return beforeEnd - beforeStart + afterEnd - afterStart;
}

function sizeOf(text: string): number {
  const [b0 = 0, b1 = 0, a0 = 0, a1 = 0] = text.split(/[- ]/).map(Number);
  return b1 - b0 + a1 - a0;
}
