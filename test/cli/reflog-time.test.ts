import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve, varve } from "./built-command.js";

/** When the branch came to each of its commits, in hours before now: far from what the tests ask for. */
const HOURS_AGO = [241, 100, 36, 1];

interface History {
  readonly directory: string;
  /** @returns Its stdout, once it has ended well. */
  readonly run: (...words: readonly string[]) => string;
  readonly git: (...words: readonly string[]) => string;
}

function history(t: ExecutionContext): History {
  const home = temporaryDirectory(t);
  const directory = path.join(home, "tracked");
  mkdirSync(directory);
  const run = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = varve(words, { cwd: directory, home });
    t.is(status, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const git = (...words: readonly string[]): string =>
    execFileSync("git", ["--git-dir=.varve/git", ...words], {
      cwd: directory,
      env: environmentWithVarve(home),
      encoding: "utf8",
    }).trim();
  run("init");
  for (const hours of HOURS_AGO) {
    writeFileSync(path.join(directory, "file"), `${hours} hours ago\n`);
    run("commit", "-m", `${hours} hours ago`);
  }
  for (const name of ["HEAD", "refs/heads/main"]) date(path.join(directory, ".varve/git/logs", name));
  return { directory, run, git };
}

/** Writes other times into a log, for a clock can't be set. */
function date(file: string): void {
  const now = Math.floor(Date.now() / 1000);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const dated = lines.map((line, index) => line.replace(/> \d+ \+0000/, `> ${now - HOURS_AGO[index]! * 3600} +0000`));
  writeFileSync(file, `${dated.join("\n")}\n`);
}

/** `2026-11-20 10:00`, in UTC. */
function timeBefore(hours: number): string {
  return new Date(Date.now() - hours * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
}

test("a ref at a time is the commit that git names by the same words", (t) => {
  const { run, git } = history(t);
  const times: readonly (readonly [time: string, hoursAgo: number])[] = [
    ["now", 1],
    ["30.minutes.ago", 1],
    ["2.hours.ago", 36],
    ["yesterday", 36],
    ["2.days.ago", 100],
    ["4 days ago", 100],
    ["1.week.ago", 241],
    ["10 days ago", 241],
    [timeBefore(5), 36],
    [timeBefore(50), 100],
    [`${timeBefore(50)} +0000`, 100],
    [timeBefore(24 * 5).slice(0, 10), 241],
    [String(Math.floor(Date.now() / 1000) - 50 * 3600), 100],
    ["2099-01-01", 1],
  ];
  for (const [time, hoursAgo] of times) {
    for (const ref of ["main", "HEAD", ""]) {
      const revision = `${ref}@{${time}}`;
      const [commit] = JSON.parse(run("log", "-n", "1", "--json", revision)) as { commit: string; message: string }[];
      t.is(commit?.commit, git("rev-parse", revision), revision);
      t.regex(commit?.message ?? "", new RegExp(`^${hoursAgo} hours ago`), revision);
    }
  }
  // Which git's date options know, and its revisions do not in every version.
  t.is(run("log", "-n", "1", "--json", "main@{today}"), run("log", "-n", "1", "--json", "main@{now}"));
});

test("a ref at a time goes on with ancestors, paths and ranges", (t) => {
  const { run, git } = history(t);
  t.is(run("cat", `main@{${timeBefore(50)}}:file`), "100 hours ago\n");
  t.is(run("cat", "main@{2.days.ago}~1:/file"), "241 hours ago\n");
  t.is(run("log", "--oneline", "main@{2.days.ago}..main").trim().split("\n").length, 2);
  const names = (diff: string): string[] => diff.trim().split("\n");
  t.deepEqual(names(run("diff", "--name-status", `@{${timeBefore(200)}}`, "@{yesterday}")), ["M\t/file"]);
  t.is(git("rev-parse", "main@{2.days.ago}~1"), git("rev-parse", "main~3"));
});

test("@{…} is the current branch's log, as in git, also after another branch was current", (t) => {
  const { directory, run, git } = history(t);
  run("branch", "other", "main~2");
  // As `git checkout` does it, but without a work tree.
  git("symbolic-ref", "-m", "checkout: moving from main to other", "HEAD", "refs/heads/other");
  writeFileSync(path.join(directory, "file"), "on other\n");
  run("commit", "-m", "on other");
  for (const revision of ["@{0}", "@{1}", "HEAD@{1}", "@{now}", "other@{1}"]) {
    const [commit] = JSON.parse(run("log", "-n", "1", "--json", revision)) as { commit: string }[];
    t.is(commit?.commit, git("rev-parse", revision), revision);
  }
});

test("a ref at a time that its log does not reach is refused, with the time that it reaches", (t) => {
  const { directory, run } = history(t);
  for (const time of ["1.year.ago", "2001-01-01 10:00"]) {
    const { status, stderr } = varve(["log", `main@{${time}}`], { cwd: directory, home: path.dirname(directory) });
    t.is(status, 20);
    t.regex(stderr, /^varve: error: Cannot read "main@\{.*\}" as a revision: the log of "main" goes back to \d{4}-.* UTC only\n/);
    t.true(stderr.includes(timeBefore(241).slice(0, 10)), stderr);
  }
  run("tag", "v1");
  const { status, stderr } = varve(["log", "v1@{yesterday}"], { cwd: directory, home: path.dirname(directory) });
  t.is(status, 20);
  t.regex(stderr, /the log of "v1" holds 0 moves/);
});
