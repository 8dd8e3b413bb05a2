import test from "ava";
import { printableLine, printableName, printablePath, printableText } from "../../cli/printable.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";

const names: readonly (readonly [why: string, name: ByteString, shown: string])[] = [
  ["leaves plain names alone", bytesOfText("a b-c.txt"), "a b-c.txt"],
  ["leaves text of any script alone", bytesOfText("café 湖 🏔"), "café 湖 🏔"],
  ["leaves a backslash alone where nothing is quoted", bytesOfText("a\\b"), "a\\b"],
  ["quotes a line end", bytesOfText("a\nb"), '"a\\nb"'],
  ["quotes the terminal's escape character", bytesOfText("\u001b[2J"), '"\\x1b[2J"'],
  ["quotes C1 controls", bytesOfText("a\u009bb"), '"a\\xc2\\x9bb"'],
  ["quotes what turns the direction of writing", bytesOfText("a\u202eb"), '"a\\xe2\\x80\\xaeb"'],
  ["shows bytes that are no UTF-8", "caf\xe9" as ByteString, '"caf\\xe9"'],
  ["keeps text beside such bytes", `${bytesOfText("é")}\xff` as ByteString, '"é\\xff"'],
  ["shows a cut sequence byte by byte", "\xe2\x82" as ByteString, '"\\xe2\\x82"'],
  ["refuses overlong forms as UTF-8", "\xc0\xaf" as ByteString, '"\\xc0\\xaf"'],
  ["shows encoded surrogates byte by byte", "\xed\xa0\x80" as ByteString, '"\\xed\\xa0\\x80"'],
  ["escapes quotes and backslashes within quotes", bytesOfText('"\\\t'), '"\\"\\\\\\t"'],
  ["quotes a name that begins with a quote", bytesOfText('"a"'), '"\\"a\\""'],
];

for (const [why, name, shown] of names) {
  test(`printableName() ${why}`, (t) => {
    t.is(printableName(name), shown);
  });
}

test("printableName() gives different text for names that differ in bytes that are no UTF-8", (t) => {
  t.not(printableName("\xff" as ByteString), printableName("\xfe" as ByteString));
});

test("printablePath() of the root is a slash", (t) => {
  t.is(printablePath("" as ByteString), "/");
});

test("printableText() keeps line ends and escapes what a terminal acts upon", (t) => {
  t.is(printableText("a\n\tb\u001b]0;x\u0007"), "a\n\tb\\x1b]0;x\\x07");
});

test("printableLine() stays on its line", (t) => {
  t.is(printableLine("a\nb"), "a\\nb");
});
