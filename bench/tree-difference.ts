// What a diff of two trees costs that differ in ten files: node build/bench/tree-difference.js [--quick] [--directory DIR]. Takes 1 GB there.
// Writes a section of docs/benchmarks.md. --quick takes 100,000 files in place of 1,000,000, and writes nothing.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { repositoryAt } from "../cli/open-repository.js";
import { commitTree } from "../core/layers/commit-tree.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import { openCommitTree } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import { initStore } from "../store/init-store.js";
import { compare } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";
import { syntheticTree } from "./synthetic-tree.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const FEW = 10_000;
const MANY = options.quick ? 100_000 : 1_000_000;
const DIFFERENCES = 10;
const ROUNDS = 21;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-difference-"));
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

await makeStore("few", FEW);
await makeStore("many", MANY);
const rows = [
  difference("diff main~1 main", "`varve diff`"),
  difference("diff main~1 other", "the same of trees without a common layer"),
];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Trees that differ little", rows, folder);

/** `main~1` and `main` differ, and `other` is the tree of `main`, as one layer. */
async function makeStore(name: string, files: number): Promise<void> {
  process.stderr.write(`bench: making trees of ${files} files\n`);
  const repository = await repositoryAt(initStore(path.join(folder, name)));
  const changed = new Set(Array.from({ length: DIFFERENCES }, (_, n) => Math.floor(((n + 0.5) * files) / DIFFERENCES)));
  const first = await commit(repository, files, new Set(), undefined);
  const second = await commit(repository, files, changed, first);
  const other = await commit(repository, files, changed, undefined);
  await repository.history.updateRefs([
    { name: "refs/heads/main" as RefName, before: undefined, after: second },
    { name: "refs/heads/other" as RefName, before: undefined, after: other },
  ]);
}

async function commit(
  repository: Repository,
  files: number,
  changed: ReadonlySet<number>,
  parent: CommitId | undefined,
): Promise<CommitId> {
  const base = await openCommitTree(repository, parent);
  const target = syntheticTree(files, changed);
  const written = await commitTree(repository, { parent, base, target: async () => target, message: "bench" });
  base.close();
  if (written === undefined) throw new TypeError("two trees that were to differ are equal");
  return written.id;
}

function difference(words: string, what: string): Row {
  process.stderr.write(`bench: ${words}\n`);
  chmodSync(folder, 0o755);
  const contender = (name: string) => ({
    name,
    line: `${process.execPath} ${path.resolve("dist/varve.js")} --store ${path.join(folder, name)} ${words}`,
  });
  const comparison = { ours: contender("many"), rival: contender("few"), rounds: ROUNDS, warmUp: true };
  const { ourMilliseconds, rivalMilliseconds, ratio } = compare(comparison, { ...process.env, HOME: folder });
  return {
    what: `${what}: trees of ${MANY} files that differ in ${DIFFERENCES}, against trees of ${FEW} (rival)`,
    ours: `${ourMilliseconds.toFixed(0)} ms`,
    rival: `${rivalMilliseconds.toFixed(0)} ms`,
    result: `${ratio.toFixed(2)} ×`,
    goal: "≤ 1.3 ×",
    isMet: ratio <= 1.3,
  };
}
