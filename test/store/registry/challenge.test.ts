import test from "ava";
import { parseChallenges } from "../../../store/registry/challenge.js";

const read = (header: string | undefined): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("parseChallenges() reads what registries send", (t) => {
  t.deepEqual(read('Bearer realm="https://a.example/token",service="a.example",scope="repository:x:pull,push"'), [
    ["bearer", { realm: "https://a.example/token", service: "a.example", scope: "repository:x:pull,push" }],
  ]);
  t.deepEqual(read('Basic realm="a, b=\\"c\\""'), [["basic", { realm: 'a, b="c"' }]]);
  t.deepEqual(read("BASIC REALM = word , charset=UTF-8"), [["basic", { realm: "word", charset: "UTF-8" }]]);
});

test("parseChallenges() reads several", (t) => {
  t.deepEqual(read('Negotiate, Basic realm="a", Bearer realm="b"'), [
    ["negotiate", {}],
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b" }],
  ]);
});

test("parseChallenges() stops at what is none, quickly", (t) => {
  for (const header of [undefined, "", ",,,", '="x"', "\u0001", 'realm="x"'])
    t.true(parseChallenges(header).every(({ parameters }) => parameters.size === 0));
  t.deepEqual(read('Bearer realm="unclosed'), [["bearer", {}]]);
  const begun = performance.now();
  for (const header of ['Bearer realm="' + "\\".repeat(1e6), "Bearer " + "a ".repeat(1e6), "Bearer " + "a=".repeat(1e6)])
    parseChallenges(header);
  t.true(performance.now() - begun < 1000);
});
