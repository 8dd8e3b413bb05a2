// Commands that make the store that they fill, and then fail.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";
import { interrupted } from "./interrupted-command.js";

/** A home with an archive that is none. */
function homeWithJunk(t: ExecutionContext): { readonly home: string; readonly junk: string } {
  const home = temporaryDirectory(t);
  const junk = path.join(home, "junk.tar");
  writeFileSync(junk, Buffer.alloc(5000, "junk"));
  return { home, junk };
}

const FAILING: readonly (readonly [words: readonly string[], status: number])[] = [
  [["load", "junk.tar"], 43],
  [["import", "junk.tar"], 43],
  // Nothing listens on that port.
  [["pull", "127.0.0.1:1/none"], 80],
];

for (const [words, status] of FAILING) {
  test(`a ${words[0]} that fails leaves no store that it made, and none of the directories above`, (t) => {
    const { home } = homeWithJunk(t);
    const place = path.join(home, "some/where");
    const failed = varve(["--store", path.join(place, "store"), ...words], { cwd: home, home });
    t.is(failed.status, status, failed.stderr);
    t.regex(failed.stderr, /^Made the store .*\nRemoved that store again/);
    t.false(existsSync(path.join(home, "some")));
  });

  test(`a ${words[0]} that fails leaves a directory that was empty as it was`, (t) => {
    const { home } = homeWithJunk(t);
    const place = path.join(home, "place");
    mkdirSync(place);
    chmodSync(place, 0o751);
    t.is(varve(["--store", place, ...words], { cwd: home, home }).status, status);
    t.deepEqual(readdirSync(place), []);
    t.is(statSync(place).mode & 0o7777, 0o751);
  });

  test(`a ${words[0]} that fails leaves a store that was there`, (t) => {
    const { home } = homeWithJunk(t);
    const store = path.join(home, "store");
    t.is(varve(["--store", store, "init", "--shared"], { cwd: home, home }).status, 0);
    t.is(varve(["--store", store, ...words], { cwd: home, home }).status, status);
    t.regex(varve(["--store", store, "fsck"], { cwd: home, home }).stdout, /^Sound: /);
  });
}

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  test(`an import that ${signal} ends leaves no store that it made`, async (t) => {
    const { home } = homeWithJunk(t);
    const store = path.join(home, "store");
    mkdirSync(path.join(home, "root"));
    writeFileSync(path.join(home, "root/file"), Buffer.alloc(1_000_000, "a"));
    const { stdout: tar } = spawnSync("tar", ["-cC", path.join(home, "root"), "."]);
    const ended = await interrupted({
      home,
      words: ["--store", store, "import", "-"],
      signal,
      // The rest of the archive never comes. So little fits into the pipe, whoever reads it.
      input: tar.subarray(0, 20_000),
      when: () => existsSync(path.join(store, "scratch")) && readdirSync(path.join(store, "scratch")).length > 0,
    });
    t.is(ended.status, status, ended.stderr);
    t.false(existsSync(store));
  });

test("a store that something came into stays, though the command that made it failed", async (t) => {
  const { home } = homeWithJunk(t);
  const store = path.join(home, "store");
  const isMade = (): boolean => existsSync(path.join(store, "format"));
  const ended = await interrupted({
    home,
    words: ["--store", store, "import", "-"],
    signal: "SIGINT",
    input: Buffer.alloc(512),
    when: () => {
      if (!isMade()) return false;
      // As git, which takes no lock of ours.
      writeFileSync(path.join(store, "git/refs/heads/theirs"), `${"1".repeat(40)}\n`);
      return true;
    },
  });
  t.is(ended.status, 130, ended.stderr);
  t.true(isMade());
});
