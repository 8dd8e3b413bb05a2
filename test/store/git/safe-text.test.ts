import test from "ava";
import { safeMessage } from "../../../core/text/safe-message.js";
import { checkedMessage, safePersonPart } from "../../../store/git/safe-text.js";

const messages = [
  ["a plain one", "title\n\nbody", "title\n\nbody"],
  ["blank lines around", "\n\ntitle\n \n", "title"],
  ["Windows and old Mac line ends", "a\r\nb\rc", "a\nb\nc"],
  ["tabs and text of any language", "\tä 日本 👍", "\tä 日本 👍"],
  ["sequences that drive terminals", "\x1b]0;x\x07 \x9b31m\x7f", "\ufffd]0;x\ufffd \ufffd31m\ufffd"],
  ["a megabyte of blank lines", `a${"\n".repeat(1 << 20)}b`, `a${"\n".repeat(1 << 20)}b`],
  ["nothing", "", ""],
] as const;

for (const [what, text, wants] of messages) {
  test(`safeMessage() of ${what}`, (t) => {
    t.is(safeMessage(text), wants);
    t.is(safeMessage(safeMessage(text)), wants);
  });
}

const people = [
  ["Ada Lovelace", "Ada Lovelace"],
  ["  Ada \n Lovelace\0 ", "Ada Lovelace"],
  ["<ada@example.org>", "ada@example.org"],
  ['"Ada, Countess."', "Ada, Countess"],
  ["\x1b[31mEve", "[31mEve"],
  [".,;:", ""],
  [`${".".repeat(1 << 20)}a${".".repeat(1 << 20)}b.`, `a${".".repeat(1 << 20)}b`],
] as const;

for (const [text, wants] of people) {
  test(`safePersonPart() of ${JSON.stringify(text.slice(0, 40))} is ${JSON.stringify(wants.slice(0, 40))}`, (t) => {
    t.is(safePersonPart(text), wants);
  });
}

test("checkedMessage() of a NUL throws USAGE", (t) => {
  t.throws(() => checkedMessage("a\0"), { code: "USAGE" });
});
