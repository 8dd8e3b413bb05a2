// What undo and rollback of a container cost, beside `varve --version`: node build/bench/undo.js [--quick]. The size of the tree must not
// tell. Writes a section of docs/benchmarks.md; --quick measures 1,000 files alone, and writes nothing.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { repositoryAt } from "../cli/open-repository.js";
import type { RefName } from "../core/model/ids.js";
import { createContainer } from "../core/operations/container-lifecycle.js";
import { tableOf, writeReport, type Row } from "./report.js";
import { storeLayout } from "../store/store-layout.js";
import { CONFIGURATION } from "../test/helpers/container-configuration.js";

const VARVE = path.resolve("dist/varve.js");
const ROUNDS = 20;
const LIMIT = 2;
const FILES_TO_A_DIRECTORY = 200;

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });

/** Milliseconds. */
function time(...words: readonly string[]): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [VARVE, ...words], { encoding: "utf8" });
  if (status !== 0) throw new RangeError(stderr);
  return performance.now() - began;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function rowOf(verb: string, files: number, ours: number, version: number): Row {
  return {
    what: `\`varve ${verb}\` of a container on a tree of ${files} files, against \`varve --version\``,
    ours: `${ours.toFixed(0)} ms`,
    rival: `${version.toFixed(0)} ms`,
    result: `${(ours / version).toFixed(2)} ×`,
    goal: `< ${LIMIT} ×`,
    isMet: ours < LIMIT * version,
  };
}

async function makeStore(folder: string, files: number): Promise<string> {
  const [root, store] = [path.join(folder, "root"), path.join(folder, "store")];
  for (let number = 0; number < files; number += 1) {
    const directory = path.join(root, `d${Math.floor(number / FILES_TO_A_DIRECTORY)}`);
    if (number % FILES_TO_A_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, `f${number}`), `content ${number}`);
  }
  time("--store", store, "-q", "import", root, "-b", "base", "-m", "first");
  writeFileSync(path.join(root, "d0", "more"), "more");
  time("--store", store, "-q", "import", root, "-b", "base", "-m", "second");
  const repository = await repositoryAt(storeLayout(store));
  const commit = await repository.history.readRef("refs/heads/base" as RefName);
  if (commit === undefined) throw new RangeError("no commit");
  await createContainer(repository, { name: "web", commit, configuration: CONFIGURATION, command: "create" });
  return store;
}

const folder = mkdtempSync(path.join(tmpdir(), "varve-bench-undo-"));
try {
  const rows: Row[] = [];
  for (const files of values.quick ? [1000] : [1000, 100_000]) {
    const store = await makeStore(path.join(folder, String(files)), files);
    const [rollbacks, undos, versions]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      versions.push(time("--version"));
      rollbacks.push(time("--store", store, "-q", "rollback", "web", "base~1"));
      undos.push(time("--store", store, "-q", "undo"));
    }
    const version = median(versions);
    rows.push(rowOf("rollback", files, median(rollbacks), version), rowOf("undo", files, median(undos), version));
  }
  process.stdout.write(`\n${tableOf(rows)}\n`);
  if (!values.quick) writeReport("docs/benchmarks.md", "Undo and rollback of a container", rows, folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
