import { spawnSync } from "node:child_process";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { deadScratch, removeScratch, scratchPath } from "../../store/scratch.js";
import { temporaryStore } from "../helpers/temporary-store.js";

test("scratchPath() gives no path twice, each with this process's id", (t) => {
  const layout = temporaryStore(t);
  const paths = Array.from({ length: 100 }, () => path.basename(scratchPath(layout, "layer")));
  t.is(new Set(paths).size, 100);
  for (const name of paths) t.regex(name, new RegExp(`^layer-${process.pid}-\\d+$`));
});

test("deadScratch() names what no living process can own", (t) => {
  const layout = temporaryStore(t);
  const dead = spawnSync("true").pid;
  const names = [
    `a-${dead}-1`,
    `ref-lock-${dead}-2`,
    `a-${process.pid}-3`,
    `a-${process.ppid}-4`,
    "a",
    "a-b-c",
    `A-${dead}-1`,
    `a-${dead}`,
  ];
  for (const name of names) writeFileSync(path.join(layout.scratch, name), "");
  t.deepEqual(deadScratch(layout), [`a-${dead}-1`, `ref-lock-${dead}-2`]);
});

test("removeScratch() removes files and trees, and may be repeated", (t) => {
  const layout = temporaryStore(t);
  const tree = scratchPath(layout, "tree");
  mkdirSync(path.join(tree, "a/b"), { recursive: true });
  utimesSync(tree, 0, 0);
  removeScratch(tree);
  removeScratch(tree);
  t.deepEqual(deadScratch(layout), []);
});
