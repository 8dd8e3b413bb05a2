import test from "ava";
import { detachKeys } from "../../../overlay/supervisor/detach-keys.js";

const [P, Q] = ["\u0010", "\u0011"];

const typings: readonly {
  readonly why: string;
  readonly typed: readonly string[];
  readonly passed: string;
  readonly left: boolean;
}[] = [
  { why: "what is no key of these", typed: ["ls", "\n"], passed: "ls\n", left: false },
  { why: "both keys at once", typed: [`ls${P}${Q}more`], passed: "ls", left: true },
  { why: "one after the other", typed: ["a", P, Q], passed: "a", left: true },
  { why: "ctrl-p and then something else", typed: [P, "x"], passed: `${P}x`, left: false },
  { why: "ctrl-p twice, then ctrl-q", typed: [P, P, Q], passed: P, left: true },
  { why: "ctrl-q alone", typed: [Q], passed: Q, left: false },
];

for (const { why, typed, passed, left } of typings) {
  test(`detachKeys(): ${why}`, (t) => {
    const find = detachKeys();
    const found = typed.map((text) => find(Buffer.from(text)));
    t.is(Buffer.concat(found.map(({ passed: bytes }) => bytes)).toString(), passed);
    t.is(
      found.some((each) => each.left),
      left,
    );
  });
}
