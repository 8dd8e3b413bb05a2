import test from "ava";
import fc from "fast-check";
import picomatch from "picomatch";
import { blame } from "../../../../core/operations/history/blame.js";
import { findPaths } from "../../../../core/operations/history/find-paths.js";
import { readLog, type LogOptions } from "../../../../core/operations/history/read-log.js";
import { bytesOfText, type ByteString } from "../../../../core/model/byte-string.js";
import type { CommitId } from "../../../../core/model/ids.js";
import { selectPlaces, type PathSelection } from "../../../../core/paths/path-selection.js";
import type { Repository } from "../../../../core/ports/repository.js";
import { arbitraryHistory, parallelHistories, type HistoryCommit } from "../../../helpers/parallel-histories.js";

const seed = Number(process.env["VARVE_SEED"] ?? 20261127);
const HISTORIES = fc.sample(arbitraryHistory, { seed, numRuns: 12 });
const PLACES = ["a", "b", "d", "d/a", "d/e", "f/b.conf", "no"];
const PATTERNS = ["**/a", "d/[ab]", "**/*.conf"];

function matching(pattern: string): PathSelection {
  const isMatch = picomatch(pattern, { dot: true });
  const above = (path: string): string[] => path.split("/").map((_, at, names) => names.slice(0, at + 1).join("/"));
  return { places: undefined, has: (path) => above(path).some((each) => isMatch(each)) };
}

async function logged(repository: Repository, options: LogOptions): Promise<string[]> {
  const messages: string[] = [];
  for await (const { commit } of readLog(repository, options)) messages.push(commit.message);
  return messages;
}

for (const [number, history] of HISTORIES.entries()) {
  test.serial(`history ${number}: log, blame and find tell of paths what git tells`, async (t) => {
    const { repository, ids, git } = await parallelHistories(t, history);
    const from = ids.at(-1)!;
    const shown = JSON.stringify(history, (_, value: unknown) => (value instanceof Map ? [...value.keys()] : value));

    for (const place of PLACES) {
      const paths = selectPlaces([place as ByteString]);
      t.deepEqual(
        await logged(repository, { from: [from], paths }),
        git("log", "--format=%s", "main", "--", place),
        `${place} in ${shown}`,
      );
      const firsts = await logged(repository, { from: [from], paths, firstParent: true });
      t.deepEqual(
        firsts,
        git("log", "--first-parent", "--format=%s", "main", "--", place),
        `first parents of ${place} in ${shown}`,
      );
    }
    for (const pattern of PATTERNS) {
      const wanted = git("log", "--format=%s", "main", "--", `:(glob)${pattern}`);
      t.deepEqual(await logged(repository, { from: [from], paths: matching(pattern) }), wanted, `${pattern} in ${shown}`);
    }

    for (const file of history.at(-1)!.files.keys()) {
      const found = await blame(repository, from, file as ByteString, { recursive: false });
      if (found.kind !== "lines") return t.fail(`${file} is text`);
      const ours = found.blamed.flatMap(({ commit, count }) => Array.from({ length: count }, () => commit?.message));
      t.deepEqual(ours, blamedByGit(git("blame", "--line-porcelain", "main", "--", file)), `blame of ${file} in ${shown}`);
      t.is(
        found.lines.join(""),
        history
          .at(-1)!
          .files.get(file)!
          .map((line) => `${line}\n`)
          .join(""),
      );
    }
    const paths = await blame(repository, from, "" as ByteString, { recursive: true });
    if (paths.kind !== "paths") return t.fail("the root is a directory");
    for (const { path, commit } of paths.paths)
      t.deepEqual([commit?.message], git("log", "-1", "--format=%s", "main", "--", path), path);

    t.deepEqual(await found(repository, from), eventsOf(history), `find in ${shown}`);
    const { layers } = repository;
    const nameless = new Proxy(layers, {
      get: (_, key) => (key === "names" ? undefined : (layers[key as "openTree"] as () => unknown).bind(layers)),
    });
    const untold = { ...repository, layers: nameless };
    t.deepEqual(await found(untold, from), eventsOf(history), `find without names in ${shown}`);
  });
}

function blamedByGit(lines: readonly string[]): string[] {
  return lines.flatMap((line) => (line.startsWith("summary ") ? [line.slice("summary ".length)] : []));
}

async function found(repository: Repository, from: CommitId): Promise<readonly string[]> {
  const isFile = (path: ByteString): boolean => !["d", "d/e", "f"].includes(path);
  const paths = await findPaths(repository, { tips: [from], has: isFile });
  return paths.flatMap(({ path, events }) => events.map(({ commit, kind }) => `${path} ${commit.message} ${kind}`)).sort();
}

/** What each commit that leads to the last one changed against its first parent. */
function eventsOf(history: readonly HistoryCommit[]): readonly string[] {
  const events: string[] = [];
  for (const number of reaching(history)) {
    const { parents, files } = history[number]!;
    const before = history[parents[0] ?? -1]?.files ?? new Map<string, readonly string[]>();
    for (const [path, lines] of files) {
      const old = before.get(path);
      if (old === undefined) events.push(`${path} ${number} added`);
      else if (old.join("\n") !== lines.join("\n")) events.push(`${path} ${number} modified`);
    }
    for (const path of before.keys()) if (!files.has(path)) events.push(`${path} ${number} deleted`);
  }
  return events.sort();
}

function reaching(history: readonly HistoryCommit[]): ReadonlySet<number> {
  const found = new Set([history.length - 1]);
  for (const number of found) for (const parent of history[number]!.parents) found.add(parent);
  return found;
}

test.serial("blame of what is no text is one row, and of a directory those of its children", async (t) => {
  const { repository, ids } = await parallelHistories(t, [
    {
      parents: [],
      files: new Map([
        ["d/data", ["\0"]],
        ["d/text", ["a"]],
        ["e/x", ["x"]],
      ]),
    },
    {
      parents: [0],
      files: new Map([
        ["d/data", ["\0\0"]],
        ["d/text", ["a"]],
        ["e/x", ["x"]],
      ]),
    },
  ]);
  const told = async (path: string): Promise<readonly string[]> => {
    const blamed = await blame(repository, ids[1]!, bytesOfText(path), { recursive: false });
    return blamed.kind === "paths" ? blamed.paths.map(({ path: each, commit }) => `${each} ${commit?.message}`) : ["lines"];
  };
  t.deepEqual(await told("d/data"), ["d/data 1"]);
  t.deepEqual(await told("d"), ["d/data 1", "d/text 0"]);
  t.deepEqual(await told(""), ["d 1", "e 0"]);
  t.deepEqual(await told("d/text"), ["lines"]);
  await t.throwsAsync(told("nothing"), { code: "PATH_MISSING" });
});

test.serial("findPaths() by content finds where it stood, whatever the name", async (t) => {
  const { repository, ids } = await parallelHistories(t, [
    {
      parents: [],
      files: new Map([
        ["a", ["one"]],
        ["b", ["two"]],
      ]),
    },
    {
      parents: [0],
      files: new Map([
        ["c", ["one"]],
        ["b", ["three"]],
      ]),
    },
  ]);
  const all = await findPaths(repository, { tips: [ids[1]!], has: (path) => path !== "" });
  const digest = all.find(({ path }) => path === "c")!.events[0]!.version!.digest;
  const held = await findPaths(repository, { tips: [ids[1]!], has: () => true, content: digest });
  t.deepEqual(
    held.map(({ path, events }) => `${path} ${events.map(({ kind }) => kind).join()}`),
    ["a added,deleted", "c added"],
  );
});
