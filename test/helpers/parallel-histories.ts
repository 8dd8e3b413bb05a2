import { execFileSync } from "node:child_process";
import path from "node:path";
import type { ExecutionContext } from "ava";
import fc from "fast-check";
import { repositoryAt } from "../../cli/open-repository.js";
import { layerChain } from "../../core/layers/layer-chain.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { initStore } from "../../store/init-store.js";
import type { DescribedEntry } from "../contracts/described-tree.js";
import { memoryTree } from "./memory-tree.js";
import { temporaryDirectory } from "./temporary-directory.js";

/** Text files by path, each as its lines. */
export type Files = ReadonlyMap<string, readonly string[]>;

export interface HistoryCommit {
  /** By number; all of them smaller than its own. */
  readonly parents: readonly number[];
  readonly files: Files;
}

/** One history, in a store and in a repository of git: commit N has the message N, and is N seconds younger than the first. */
export interface ParallelHistories {
  readonly repository: Repository;
  /** By number. */
  readonly ids: readonly CommitId[];
  /** Runs git where the branch main is the newest commit; gives the lines that it prints. */
  readonly git: (...words: readonly string[]) => readonly string[];
}

const FIRST_SECOND = 1_700_000_000;

/** Not to be called by two tests of a file at a time: it sets the process's clock for commits. */
export async function parallelHistories(t: ExecutionContext, commits: readonly HistoryCommit[]): Promise<ParallelHistories> {
  const directory = temporaryDirectory(t);
  const layout = initStore(path.join(directory, "store"));
  const repository = await repositoryAt(layout);
  const before = process.env["SOURCE_DATE_EPOCH"];
  const ids: CommitId[] = [];
  try {
    for (const [number, commit] of commits.entries()) {
      process.env["SOURCE_DATE_EPOCH"] = String(FIRST_SECOND + number);
      ids.push(await writeCommit(repository, commit, number, ids));
    }
  } finally {
    if (before === undefined) delete process.env["SOURCE_DATE_EPOCH"];
    else process.env["SOURCE_DATE_EPOCH"] = before;
  }
  await repository.history.updateRefs([{ name: "refs/heads/main" as RefName, before: undefined, after: ids.at(-1) }]);
  return { repository, ids, git: writeGit(path.join(directory, "git"), commits) };
}

async function writeCommit(
  { history, layers }: Repository,
  { parents, files }: HistoryCommit,
  number: number,
  ids: readonly CommitId[],
): Promise<CommitId> {
  const links = parents.map((parent) => ids[parent]!);
  const chain = links[0] === undefined ? [] : await layerChain(history, links[0]);
  const writer = layers.write(chain);
  const base = layers.openTree(chain);
  const { sockets: _, ...summary } = await writeLayer(writer, base, memoryTree(entriesOf(files)));
  const { id: layer, storedBytes } = writer.publish();
  base.close();
  const author = { name: "Ada", email: "ada@example.org", seconds: FIRST_SECOND + number, offsetMinutes: 0 };
  return history.writeCommit({ ...summary, layer, storedBytes, parents: links, author, message: `${number}` });
}

function entriesOf(files: Files): DescribedEntry[] {
  const directories = new Set([""]);
  for (const file of files.keys()) {
    const names = file.split("/");
    for (let depth = 1; depth < names.length; depth += 1) directories.add(names.slice(0, depth).join("/"));
  }
  return [
    ...[...directories].sort().map((place) => ({ path: place, type: "directory" as const, mtimeSeconds: 1 })),
    ...[...files].map(([file, lines]) => ({ path: file, type: "file" as const, mtimeSeconds: 1, content: textOf(lines) })),
  ];
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function writeGit(directory: string, commits: readonly HistoryCommit[]): ParallelHistories["git"] {
  const run = (words: readonly string[], input = ""): string =>
    execFileSync("git", words, { cwd: path.dirname(directory), input, encoding: "utf8" });
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const stream = commits.map(({ parents, files }, number) => {
    const links = parents.map((parent, index) => `${index === 0 ? "from" : "merge"} :${parent + 1}\n`).join("");
    const contents = [...files].map(([file, lines]) => `M 100644 inline ${file}\n${data(textOf(lines))}`).join("");
    const who = `committer Ada <ada@example.org> ${FIRST_SECOND + number} +0000\n`;
    const ref = number === commits.length - 1 ? "refs/heads/main" : `refs/heads/b${number}`;
    return `reset ${ref}\ncommit ${ref}\nmark :${number + 1}\n${who}${data(String(number))}${links}deleteall\n${contents}\n`;
  });
  run(["init", "-q", "--bare", "-b", "main", directory]);
  run([`--git-dir=${directory}`, "fast-import", "--quiet"], stream.join(""));
  return (...words) =>
    run([`--git-dir=${directory}`, ...words])
      .split("\n")
      .filter((line) => line !== "");
}

interface Edit {
  readonly kind: "insert" | "remove" | "add" | "delete" | "rename" | "other";
  readonly file: number;
  readonly line: number;
}

const PATHS = ["a", "b", "d/a", "d/b", "d/e/a", "f/b.conf"];

/** Histories with branches and merges, in which no two lines are alike but those that one commit handed on to another. */
export const arbitraryHistory: fc.Arbitrary<readonly HistoryCommit[]> = fc
  .array(
    fc.record({
      steps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
      edits: fc.array(
        fc.record({
          kind: fc.constantFrom<Edit["kind"]>("insert", "insert", "insert", "remove", "add", "delete", "rename", "other"),
          file: fc.nat(PATHS.length - 1),
          line: fc.nat(20),
        }),
        { maxLength: 4 },
      ),
    }),
    { minLength: 3, maxLength: 20 },
  )
  .map((draws) => {
    const commits: HistoryCommit[] = [];
    let count = 0;
    const fresh = (): string => `line ${count++} ${"x".repeat(count % 7)}`;
    for (const [number, { steps, edits }] of draws.entries()) {
      const parents = [...new Set(steps.map((step) => number - step).filter((parent) => parent >= 0))];
      const files = new Map(commits[parents[0] ?? -1]?.files ?? [["a", [fresh(), fresh(), fresh()]]]);
      for (const edit of edits) applyEdit(files, edit, commits[parents[1] ?? -1]?.files, fresh);
      commits.push({ parents, files });
    }
    return commits;
  });

function applyEdit(files: Map<string, readonly string[]>, edit: Edit, other: Files | undefined, fresh: () => string): void {
  const name = PATHS[edit.file]!;
  const lines = files.get(name);
  const at = edit.line % ((lines?.length ?? 0) + 1);
  if (edit.kind === "other") {
    const theirs = other?.get(name);
    if (theirs !== undefined) files.set(name, theirs);
  } else if (lines === undefined) {
    if (edit.kind === "add") files.set(name, [fresh(), fresh(), fresh()]);
  } else if (edit.kind === "insert") files.set(name, lines.toSpliced(at, 0, fresh()));
  else if (edit.kind === "remove" && lines.length > 3) files.set(name, lines.toSpliced(at, 1));
  else if (edit.kind === "delete" && files.size > 1) files.delete(name);
  else if (edit.kind === "rename") {
    const target = PATHS[(edit.file + 1 + edit.line) % PATHS.length]!;
    if (files.has(target)) return;
    files.delete(name);
    files.set(target, lines);
  }
}
