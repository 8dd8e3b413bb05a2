import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { LogPiece } from "../../../core/ports/containers.js";
import { parseLogLine, readLog, type LogReading } from "../../../overlay/supervisor/container-log.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const TIME = "2026-11-27T13:53:47.586920084+00:00";

const lines: readonly { readonly line: string; readonly wants: string | undefined }[] = [
  { line: `${TIME} stdout F hello`, wants: "stdout hello\\n" },
  { line: `${TIME} stderr P half`, wants: "stderr half" },
  { line: `${TIME} stdout F `, wants: "stdout \\n" },
  { line: `${TIME} stdout F a stdout F b`, wants: "stdout a stdout F b\\n" },
  { line: `2026-11-27T13:53:47Z stdout F utc`, wants: "stdout utc\\n" },
  { line: `${TIME} stdin F x`, wants: undefined },
  { line: `${TIME} stdout X x`, wants: undefined },
  { line: `yesterday stdout F x`, wants: undefined },
  { line: "", wants: undefined },
];

for (const { line, wants } of lines) {
  test(`parseLogLine() of ${JSON.stringify(line)}`, (t) => {
    const piece = parseLogLine(Buffer.from(line));
    t.is(piece && `${piece.stream} ${Buffer.from(piece.bytes).toString()}`.replaceAll("\n", "\\n"), wants);
  });
}

test("parseLogLine() keeps bytes that are no text", (t) => {
  const bytes = Buffer.from([0, 0xff, 0x80, 0x0d]);
  const line = Buffer.concat([Buffer.from(`${TIME} stdout F `), bytes]);
  t.deepEqual(Buffer.from(parseLogLine(line)!.bytes), Buffer.concat([bytes, Buffer.from("\n")]));
});

async function texts(file: string, reading?: LogReading): Promise<string[]> {
  const found: string[] = [];
  for await (const { bytes } of readLog(file, reading)) found.push(Buffer.from(bytes).toString());
  return found;
}

const line = (text: string, mark = "F"): string => `${TIME} stdout ${mark} ${text}\n`;

test("readLog() of a file that is not there, of a symlink, and of a directory gives nothing", async (t) => {
  const folder = temporaryDirectory(t);
  writeFileSync(path.join(folder, "target"), line("secret"));
  symlinkSync("target", path.join(folder, "link"));
  mkdirSync(path.join(folder, "directory"));
  for (const name of ["absent", "link", "directory"]) t.deepEqual(await texts(path.join(folder, name)), [], name);
});

test("readLog() passes over what is no line of a log, and over a last line that has no end", async (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  writeFileSync(file, `${line("a")}garbage\n\n${line("b")}${TIME} stdout F cut`);
  t.deepEqual(await texts(file), ["a\n", "b\n"]);
});

for (const [tail, wants] of [
  [0, ["open"]],
  [1, ["4\n", "open"]],
  [2, ["3", "3\n", "4\n", "open"]],
  [4, ["1\n", "2\n", "3", "3\n", "4\n", "open"]],
  [9, ["1\n", "2\n", "3", "3\n", "4\n", "open"]],
] as const) {
  test(`readLog() of the last ${tail} lines`, async (t) => {
    const file = path.join(temporaryDirectory(t), "log");
    writeFileSync(file, `${line("1")}${line("2")}${line("3", "P")}${line("3")}${line("4")}${line("open", "P")}`);
    t.deepEqual(await texts(file, { tail }), [...wants]);
  });
}

test("readLog() finds the last lines of a log of many blocks", async (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  const count = 20_000;
  writeFileSync(file, Array.from({ length: count }, (_, n) => line(`line ${n} ${"x".repeat(n % 90)}`)).join(""));
  for (const tail of [1, 7, 9000, count - 1, count, count + 1]) {
    const found = await texts(file, { tail });
    t.is(found.length, Math.min(tail, count), String(tail));
    t.true(found.at(-1)!.startsWith(`line ${count - 1} `));
    t.true(found[0]!.startsWith(`line ${Math.max(0, count - tail)} `));
  }
});

test("readLog() goes on until it is over, also in a log that began anew", async (t) => {
  const file = path.join(temporaryDirectory(t), "log");
  writeFileSync(file, line("first"));
  let over = false;
  const pieces = readLog(file, { isOver: () => over })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const { done, value } = (await pieces.next()) as IteratorResult<LogPiece, undefined>;
    return done === true ? undefined : Buffer.from(value.bytes).toString();
  };
  t.is(await next(), "first\n");
  appendFileSync(file, line("second"));
  t.is(await next(), "second\n");
  writeFileSync(`${file}.new`, line("anew"));
  renameSync(`${file}.new`, file);
  t.is(await next(), "anew\n");
  over = true;
  t.is(await next(), undefined);
  rmSync(file);
});
