import test from "ava";
import { namePattern } from "../../../core/revision/name-pattern.js";

const CASES: readonly (readonly [pattern: string, fits: readonly string[], others: readonly string[]])[] = [
  ["v*", ["v", "v1", "v/1"], ["av", ""]],
  ["*", ["", "a/b"], []],
  ["*.1", ["v1.1", ".1"], ["v1.2", "v1.1x"]],
  ["v?", ["v1", "vü"], ["v", "v12"]],
  ["v[0-9]", ["v1"], ["va", "v[0-9]"]],
  ["v[!0-9]*", ["va", "va1"], ["v1"]],
  ["a*b*c", ["abc", "axbxxc", "abcbc"], ["abcb", "acb"]],
  ["v\\*", ["v*"], ["v1"]],
  ["", [""], ["a"]],
  ["v1", ["v1"], ["v11", "V1"]],
];

for (const [pattern, fits, others] of CASES) {
  test(`namePattern() of "${pattern}" takes what git's takes`, (t) => {
    const fit = namePattern(pattern);
    for (const name of fits) t.true(fit(name), name);
    for (const name of others) t.false(fit(name), name);
  });
}

test("namePattern() of many stars ends before the test is given up", (t) => {
  t.false(namePattern("*a".repeat(400))("a".repeat(399) + "b".repeat(600)));
});
