import test from "ava";
import { bytesOf, choiceOf, countOf, cpusOf, lineRangeOf, millisecondsOf } from "../../cli/option-values.js";
import { VarveError } from "../../core/errors.js";

const sizes: readonly (readonly [text: string, bytes: number])[] = [
  ["1048576", 1048576],
  ["512m", 512 * 1024 ** 2],
  ["512M", 512 * 1024 ** 2],
  ["2g", 2 * 1024 ** 3],
  ["2GiB", 2 * 1024 ** 3],
  ["1.5k", 1536],
  ["6b", 6],
];

for (const [text, bytes] of sizes) {
  test(`bytesOf() reads ${text} as ${bytes}`, (t) => {
    t.is(bytesOf("--memory", text), bytes);
  });
}

const ranges: readonly (readonly [text: string, start: number, end: number])[] = [
  ["1", 0, Infinity],
  ["10,", 9, Infinity],
  ["10,20", 9, 20],
  ["20,10", 9, 20],
  ["10,10", 9, 10],
  ["10,+5", 9, 14],
  ["10,-5", 5, 10],
  ["3,-9", 0, 3],
  [",20", 0, 20],
];

for (const [text, start, end] of ranges) {
  test(`lineRangeOf() reads ${text} as lines ${start} to ${end}, counted from 0`, (t) => {
    t.deepEqual(lineRangeOf("-L", text), { start, end });
  });
}

const readers = { bytesOf, countOf, cpusOf, lineRangeOf, millisecondsOf };
const bad: Readonly<Record<keyof typeof readers, readonly string[]>> = {
  bytesOf: ["", "0", "-1", "m", "1x", "1 m", "1e9", "0x10", "9".repeat(400), "999999999999999t"],
  countOf: ["", "0", "-1", "1.5", "1e3", "NaN", "Infinity", "٣"],
  cpusOf: ["", "0", "-1", ".5", "1,5", "NaN"],
  lineRangeOf: ["", ",", "0", "0,5", "5,0", "5,+0", ",+5", "-5", "1,2,3", "a", "1-5", "/x/,5", ":name", "1.5"],
  millisecondsOf: ["", "-1", "1s", "1e1", "Infinity"],
};

for (const [name, texts] of Object.entries(bad)) {
  for (const text of texts) {
    test(`${name}() throws USAGE for ${JSON.stringify(text.slice(0, 20))}`, (t) => {
      const error = t.throws(() => readers[name as keyof typeof readers]("--x", text), { instanceOf: VarveError });
      t.is(error.code, "USAGE");
    });
  }
}

test("countOf(), cpusOf() and millisecondsOf() read numbers", (t) => {
  t.deepEqual([countOf("-n", "12"), cpusOf("--cpus", "1.5"), millisecondsOf("-t", "0.25")], [12, 1.5, 250]);
});

test("choiceOf() throws USAGE with the choices", (t) => {
  const error = t.throws(() => choiceOf("--network", "bridge", ["none", "host"]), { instanceOf: VarveError });
  t.is(error.message, 'Cannot read --network "bridge": wanted none or host');
});
