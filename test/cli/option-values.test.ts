import test from "ava";
import { bytesOf, choiceOf, countOf, cpusOf, millisecondsOf } from "../../cli/option-values.js";
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

const readers = { bytesOf, countOf, cpusOf, millisecondsOf };
const bad: Readonly<Record<keyof typeof readers, readonly string[]>> = {
  bytesOf: ["", "0", "-1", "m", "1x", "1 m", "1e9", "0x10", "9".repeat(400), "999999999999999t"],
  countOf: ["", "0", "-1", "1.5", "1e3", "NaN", "Infinity", "٣"],
  cpusOf: ["", "0", "-1", ".5", "1,5", "NaN"],
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
