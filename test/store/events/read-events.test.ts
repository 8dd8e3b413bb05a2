import { execFileSync } from "node:child_process";
import { appendFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { StoreEvent } from "../../../core/ports/events.js";
import { appendLine, formerOf } from "../../../store/events/append-event.js";
import { decodeEvent, encodeEvent, LARGEST_LINE_BYTES } from "../../../store/events/event-line.js";
import { EventReader } from "../../../store/events/read-events.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

function event(name: string, changes: Partial<StoreEvent> = {}): StoreEvent {
  const fixed = { time: "2026-11-27T12:00:00.123Z", type: "container", action: "start", id: "0a1b2c3d4e5f" } as const;
  return { ...fixed, name, attributes: { exitCode: "3" }, labels: { app: "x" }, ...changes };
}

const line = (name: string): Buffer => encodeEvent(event(name));
const names = (events: Iterable<StoreEvent>): readonly string[] => [...events].map(({ name }) => name);

function eventsFile(t: ExecutionContext): string {
  return path.join(temporaryDirectory(t), "events");
}

test("an event is read as it was written, whatever its texts hold", (t) => {
  const odd = event('a\n"\u0000\u001b[31m{"time":"\u2028é', { labels: { ["__proto__"]: "x", "": '{"time":"' } });
  const written = encodeEvent(odd).toString();
  t.is(written.indexOf("\n"), written.length - 1);
  t.deepEqual(decodeEvent(written.trimEnd()), odd);
});

test("values of any length make a line of bounded length", (t) => {
  const long = "x".repeat(LARGEST_LINE_BYTES);
  const written = encodeEvent(event("web", { attributes: { command: long }, labels: { note: long } }));
  t.true(written.length <= LARGEST_LINE_BYTES);
  const read = decodeEvent(written.toString().trimEnd());
  t.is(read?.attributes["command"]?.length, 4097);
  t.deepEqual(read?.labels, {});
});

for (const hostile of [
  "",
  "\0\0\0",
  "no JSON",
  "null",
  "[]",
  '{"time":1}',
  '{"time":"2026-11-27T12:00:00Z"}',
  '{"time":"yesterday","type":"container","action":"a","id":"b","name":"c","attributes":{},"labels":{}}',
  '{"time":"2026-99-27T12:00:00Z","type":"container","action":"a","id":"b","name":"c","attributes":{},"labels":{}}',
  '{"time":"2026-11-27T12:00:00Z","type":"strange","action":"a","id":"b","name":"c","attributes":{},"labels":{}}',
  '{"time":"2026-11-27T12:00:00Z","type":"container","action":["a"],"id":"b","name":"c","attributes":{},"labels":{}}',
  '{"time":"2026-11-27T12:00:00Z","type":"container","action":"a","id":"b","name":"c","attributes":{"x":1},"labels":{}}',
  '{"time":"2026-11-27T12:00:00Z","type":"container","action":"a","id":"b","name":"c","attributes":[],"labels":{}}',
  `{"time":${"[".repeat(60_000)}`,
]) {
  test(`a line that is no event is passed over: ${hostile.slice(0, 100)}`, (t) => {
    const file = eventsFile(t);
    appendLine(file, line("before"));
    appendFileSync(file, `${hostile}\n`);
    appendLine(file, line("after"));
    t.deepEqual(names(new EventReader(file, "beginning").read()), ["before", "after"]);
  });
}

test("a line that a full disk tore does not take the next one with it", (t) => {
  const file = eventsFile(t);
  for (const part of [line("first"), line("torn").subarray(0, 60), line("second"), Buffer.alloc(5), line("third")])
    appendFileSync(file, part);
  t.deepEqual(names(new EventReader(file, "beginning").read()), ["first", "second", "third"]);
});

test("a line longer than any of ours costs no memory, and is passed over", (t) => {
  const file = eventsFile(t);
  writeFileSync(file, Buffer.concat([Buffer.alloc(10 * LARGEST_LINE_BYTES, "x"), Buffer.from("\n"), line("next")]));
  t.deepEqual(names(new EventReader(file, "beginning").read()), ["next"]);
});

test("a reader gets each event once, those in pieces too, over two changes of the file between looks", (t) => {
  const file = eventsFile(t);
  const reader = new EventReader(file, "beginning");
  t.deepEqual(names(reader.read()), [], "no file yet");
  appendLine(file, line("1"));
  t.deepEqual(names(reader.read()), ["1"]);
  appendFileSync(file, line("2").subarray(0, 30));
  t.deepEqual(names(reader.read()), []);
  appendFileSync(file, line("2").subarray(30));
  t.deepEqual(names(reader.read()), ["2"]);
  appendLine(file, line("3"));
  renameSync(file, formerOf(file));
  appendLine(file, line("4"));
  // By who had the old one open.
  appendLine(formerOf(file), line("3b"));
  t.deepEqual(names(reader.read()), ["3", "3b", "4"]);
  appendLine(formerOf(file), line("3c"));
  appendLine(file, line("5"));
  t.deepEqual(names(reader.read()), ["3c", "5"]);
  appendLine(file, line("6"));
  renameSync(file, formerOf(file));
  appendLine(file, line("7"));
  renameSync(file, formerOf(file));
  appendLine(file, line("8"));
  t.deepEqual(names(reader.read()), ["6", "7", "8"]);
  reader.close();
});

test("from the end a reader gets what comes alone, also after a file that was cut", (t) => {
  const file = eventsFile(t);
  for (const name of ["1", "2", "3"]) appendLine(file, line(name));
  const reader = new EventReader(file, "end");
  t.deepEqual(names(reader.read()), []);
  writeFileSync(file, line("4"));
  t.deepEqual(names(reader.read()), ["4"]);
  reader.close();
});

test("what is no file of ours holds no events, and is not waited for", (t) => {
  const file = eventsFile(t);
  execFileSync("mkfifo", [file]);
  symlinkSync("/dev/zero", formerOf(file));
  t.deepEqual(names(new EventReader(file, "beginning").read()), []);
});
