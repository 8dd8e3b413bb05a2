import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { fileProgress } from "../../../store/operation-log/file-progress.js";
import { memoryProgress } from "../../../store/memory/memory-progress.js";
import { SOME_MERGE, workInProgressContract } from "../../contracts/work-in-progress-contract.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

workInProgressContract(test, "files of work in progress", (t) => fileProgress(temporaryStore(t)));
workInProgressContract(test, "work in progress in memory", () => memoryProgress());

test("a store that was made before there was work in progress gets its folder when it is needed", (t) => {
  const layout = temporaryStore(t);
  rmSync(layout.progress, { recursive: true });
  const work = fileProgress(layout);
  t.deepEqual(work.list(), []);
  work.write("bisect", undefined);
  work.write("bisect", { ...SOME_MERGE, kind: "bisect" });
  t.is(work.read("bisect")?.kind, "bisect");
});

test("what is no work in progress is damage, whatever stands in its place", (t) => {
  const layout = temporaryStore(t);
  const work = fileProgress(layout);
  const file = path.join(layout.progress, "directory.json");
  const rows = ["", "{", "null", "[]", '{"kind":"cook","commits":[],"state":{}}', '{"kind":"merge","commits":["x"],"state":{}}'];
  for (const text of [...rows, '{"kind":"merge","commits":[],"state":[]}']) {
    writeFileSync(file, text);
    t.throws(() => work.read("directory"), { code: "STORE_DAMAGED" }, text);
    t.throws(() => work.list(), { code: "STORE_DAMAGED" }, text);
  }
  rmSync(file);
  symlinkSync("/dev/zero", file);
  t.throws(() => work.read("directory"), { code: "STORE_DAMAGED" });
  rmSync(file);
  mkdirSync(file);
  t.throws(() => work.read("directory"), { code: "STORE_DAMAGED" });
});

test("names that are no slots are passed over, and none is written", (t) => {
  const layout = temporaryStore(t);
  writeFileSync(path.join(layout.progress, "notes.json"), "{");
  t.deepEqual(fileProgress(layout).list(), []);
  t.throws(() => fileProgress(layout).write("../../x", SOME_MERGE), { instanceOf: TypeError });
});
