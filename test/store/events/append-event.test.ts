import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { appendLine, formerOf } from "../../../store/events/append-event.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { testIf } from "../../helpers/requirements.js";

const WRITER = path.resolve("build/store/events/append-event.js");
const PROCESSES = 20;
const LINES = 300;
const WIDTH = 500;

/** Each process appends lines of its own, as fast as it can. @returns All lines that are left, the oldest first. */
async function appendAtOnce(file: string, largest: number): Promise<readonly string[]> {
  const script = `import(${JSON.stringify(WRITER)}).then(({ appendLine }) => {
    for (let n = 0; n < ${LINES}; n++)
      appendLine(process.argv[1], Buffer.from(process.argv[2].padStart(2, "0") + "-" + String(n).padEnd(${WIDTH}, ".") + "\\n"), ${largest});
  });`;
  const ended = Array.from({ length: PROCESSES }, (_, which) => {
    const child = spawn(process.execPath, ["-e", script, file, String(which)], { stdio: "inherit" });
    return new Promise((resolve) => child.once("close", resolve));
  });
  await Promise.all(ended);
  const files = [formerOf(file), file].filter((each) => existsSync(each));
  return files.flatMap((each) => readFileSync(each, "latin1").split("\n").slice(0, -1));
}

const WHOLE = new RegExp(`^\\d\\d-(\\d+)\\.+$`);

test("what 20 processes append at once stands in whole lines, each process's in order, and none is lost", async (t) => {
  const lines = await appendAtOnce(path.join(temporaryDirectory(t), "events"), 2 ** 30);
  t.is(lines.length, PROCESSES * LINES);
  t.true(lines.every((line) => line.length === WIDTH + 3 && WHOLE.test(line)));
  for (let which = 0; which < PROCESSES; which++) {
    const own = lines.filter((line) => line.startsWith(`${String(which).padStart(2, "0")}-`));
    t.deepEqual(
      own.map((line) => Number(WHOLE.exec(line)?.[1])),
      Array.from({ length: LINES }, (_, n) => n),
    );
  }
});

test("a file that would get too large gives way while 20 processes append: lines stay whole, and two files are left", async (t) => {
  const file = path.join(temporaryDirectory(t), "events");
  const largest = 200_000;
  const lines = await appendAtOnce(file, largest);
  t.true(lines.every((line) => line.length === WIDTH + 3 && WHOLE.test(line)));
  // Those that came while one process put a new file in place went to the old one.
  for (const each of [file, formerOf(file)]) t.true(statSync(each).size <= largest + PROCESSES * (WIDTH + 4), each);
  t.true(lines.length * (WIDTH + 4) > largest, "a whole file is kept");
  t.is(new Set(lines).size, lines.length);
});

for (const [what, code, make] of [
  ["a FIFO", "ENXIO", (file: string) => void execFileSync("mkfifo", [file])],
  ["a directory", "EISDIR", (file: string) => mkdirSync(file)],
  ["a symlink", "ELOOP", (file: string) => symlinkSync("/nowhere", file)],
] as const) {
  test(`${what} in the place of the file is refused, and stays`, (t) => {
    const file = path.join(temporaryDirectory(t), "events");
    make(file);
    t.throws(() => appendLine(file, Buffer.from("{}\n")), { code });
    t.false(existsSync("/nowhere"));
  });
}

testIf("strace")("an event costs four system calls, of which none makes it durable", (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "events");
  writeFileSync(file, "");
  const script = `import(${JSON.stringify(WRITER)}).then(({ appendLine }) => {
    appendLine(${JSON.stringify(file)}, Buffer.from("{}\\n"));
  });`;
  const trace = path.join(directory, "trace");
  execFileSync("strace", ["-f", "-y", "-o", trace, process.execPath, "-e", script]);
  const calls = readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line.includes(file) && !line.includes("execve") && !line.includes("read("));
  t.deepEqual(
    calls.map((line) => /^\d+ +(\w+)\(/.exec(line)?.[1]?.replace(/^(fstat|newfstatat|statx)$/, "stat")),
    ["openat", "stat", "write", "close"],
  );
});
