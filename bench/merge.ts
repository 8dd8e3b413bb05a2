// What a merge costs: node build/bench/merge.js [--quick] [--directory DIR]. Takes 300 MB there.
// Two branches of a tracked directory are merged, against `git merge` of the same trees. Writes a section of docs/benchmarks.md. --quick takes
// 2,000 files in place of 20,000, and writes nothing.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { makeTree } from "./make-tree.js";
import { compare, type Contender } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const FILES = options.quick ? 2_000 : 20_000;
/** Each side changes so many files; half of them the other one changes too, at the other end. */
const CHANGED = 100;
const ROUNDS = 11;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-merge-"));
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const environment = { ...process.env, HOME: folder, GIT_AUTHOR_NAME: "b", GIT_AUTHOR_EMAIL: "b@b.invalid" };
Object.assign(environment, { GIT_COMMITTER_NAME: "b", GIT_COMMITTER_EMAIL: "b@b.invalid" });

const VARVE = [process.execPath, path.resolve("dist/varve.js"), "-q"];
const ours = contender("varve merge", "varve", VARVE, {
  start: [["init"]],
  record: (name) => [
    ["commit", "-m", name],
    ["branch", "-f", name],
  ],
  back: (name) => ["rollback", name],
});
const rival = contender("git merge", "git", ["git"], {
  start: [["init", "-q", "-b", "main"]],
  record: (name) => [
    ["add", "-A"],
    ["commit", "-q", "-m", name],
    ["branch", "-f", name],
  ],
  back: (name) => ["reset", "-q", "--hard", name],
});

process.stderr.write("bench: merge\n");
const { ourMilliseconds, rivalMilliseconds, ratio } = compare({ ours, rival, rounds: ROUNDS, warmUp: true }, environment);
const rows: Row[] = [
  {
    what: `\`varve merge\` of two branches of ${FILES} files that each changed ${CHANGED}, half of them both, against \`git merge\``,
    ours: `${ourMilliseconds.toFixed(0)} ms`,
    rival: `${rivalMilliseconds.toFixed(0)} ms`,
    result: `${ratio.toFixed(2)} ×`,
    goal: "none set",
    isMet: undefined,
  },
];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Merging two branches", rows, folder);

interface Verbs {
  readonly start: readonly (readonly string[])[];
  readonly record: (name: string) => readonly (readonly string[])[];
  readonly back: (name: string) => readonly string[];
}

/** A directory with branches `theirs` and `ours`, brought back to the latter before each merge. */
function contender(name: string, place: string, program: readonly string[], { start, record, back }: Verbs): Contender {
  process.stderr.write(`bench: making ${FILES} files for ${name}\n`);
  const cwd = path.join(folder, place);
  makeTree(cwd, FILES);
  const call = (words: readonly string[]): void =>
    void execFileSync(program[0] ?? "", [...program.slice(1), ...words], { cwd, env: environment });
  const step = (lines: readonly (readonly string[])[]): void => lines.forEach(call);
  step([...start, ...record("base")]);
  change(cwd, 0, (file) => appendFileSync(file, "\ntheirs\n"));
  step([...record("theirs"), back("base")]);
  change(cwd, CHANGED / 2, (file) => writeFileSync(file, Buffer.concat([Buffer.from("ours\n"), readFileSync(file)])));
  step(record("ours"));
  const line = `sh -c 'cd "$1" && shift && exec "$@"' sh ${[cwd, ...program, "merge", "theirs"].join(" ")}`;
  return { name, line, before: () => call(back("ours")) };
}

/** Changes files that are spread over the tree. */
function change(cwd: string, from: number, edit: (file: string) => void): void {
  const files = execFileSync("find", [cwd, "-name", "*.txt", "-size", "+1", "-not", "-path", "*/.*"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const sorted = files.trimEnd().split("\n").sort();
  const stride = Math.floor(sorted.length / (2 * CHANGED));
  for (let index = from; index < from + CHANGED; index += 1) edit(sorted[index * stride] ?? "");
}
