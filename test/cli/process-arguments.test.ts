import test from "ava";
import { bufferOf } from "../../core/model/byte-string.js";
import { bytesOfWord, wordsOfCommandLine } from "../../cli/process-arguments.js";

const commandLine = (...words: readonly Buffer[]): Buffer =>
  Buffer.concat(words.map((word) => Buffer.concat([word, Buffer.from([0])])));

const words: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["ASCII", Buffer.from("main:/etc/hosts")],
  ["UTF-8", Buffer.from("main:/café/湖/🏔")],
  ["latin1", Buffer.from("main:/caf\xe9", "latin1")],
  ["every byte but NUL", Buffer.from(Array.from({ length: 255 }, (_, byte) => byte + 1))],
  ["a cut sequence", Buffer.from([0x61, 0xf0, 0x9f, 0x8f])],
  ["an encoded surrogate", Buffer.from([0xed, 0xb2, 0x80])],
  ["a byte order mark", Buffer.from("\ufeffx")],
  ["U+FFFD itself", Buffer.from("\ufffd")],
  ["nothing", Buffer.alloc(0)],
];

for (const [what, bytes] of words) {
  test(`bytesOfWord() gives back the bytes of ${what}`, (t) => {
    const [word = "none"] = wordsOfCommandLine(commandLine(Buffer.from("node"), Buffer.from("varve.js"), bytes), 1) ?? [];
    t.true(bytes.equals(bufferOf(bytesOfWord(word))));
  });
}

test("wordsOfCommandLine() reads UTF-8 as text", (t) => {
  t.deepEqual(wordsOfCommandLine(commandLine(Buffer.from("node"), Buffer.from("é"), Buffer.from("b")), 2), ["é", "b"]);
});

test("wordsOfCommandLine() gives nothing when the kernel shows fewer words", (t) => {
  t.is(wordsOfCommandLine(commandLine(Buffer.from("node")), 2), undefined);
});
