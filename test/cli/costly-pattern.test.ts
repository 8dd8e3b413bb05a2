import test from "ava";
import picomatch from "picomatch";
import { costOf } from "../../cli/costly-pattern.js";

const cheap = [
  "**/*.conf",
  "a*b*c*d*",
  "**/a*/**/b*/**/c*/**/d*/**/e*",
  "{a*,b*,c*,d*,e*}",
  "*.{js,ts}",
  "+(a|b)*",
  "*(x)y",
  "!(a)*.o",
  "@(a|aa)",
  String.raw`\*\*\*\*\*\*a`,
  "????????????",
  "[a-z]*[0-9]*",
];

for (const pattern of cheap) {
  test(`the pattern ${pattern} is taken, and matched with long names before the test is given up`, (t) => {
    t.is(costOf(pattern), undefined);
    const matches = picomatch(pattern, { dot: true, nonegate: true });
    for (const name of ["a".repeat(255), "ab".repeat(127), "x".repeat(255)]) matches(name);
  });
}

for (const pattern of ["*a*a*a*a*a*b", "x/{a*b*,c}*d*e*f*", "+(a|aa)b", "+(a*)b", "*(+(a))b", "+(*)", "+(a|)", "+([ab]|a)"]) {
  test(`the pattern ${pattern} is refused, since it could be matched for years`, (t) => {
    t.regex(costOf(pattern) ?? "", /wanted at most 4|plain names/);
  });
}
