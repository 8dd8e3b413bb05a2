// Clones that are killed, and those that go on with them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { interrupted } from "./interrupted-command.js";

const test = testIf("root", "strace").serial;
const LAYERS = 6;

interface Killed extends UserStore {
  readonly file: string;
  /** Where the clone was killed. */
  readonly place: string;
  /** Layers that had come. */
  readonly layers: () => readonly string[];
}

const filesOf = (place: string): readonly string[] => (existsSync(place) ? readdirSync(place) : []);

/** Slow calls of the kernel make each state last. */
async function killedClone(
  t: ExecutionContext,
  when: (place: string) => boolean,
  slow: readonly [string, number] = ["fsync", 20],
): Promise<Killed> {
  const made = userStore(t, undefined);
  const { home, ok } = made;
  for (let number = 1; number < LAYERS; number += 1) {
    writeFileSync(path.join(home, `root/file${number}`), String(number).repeat(100_000));
    ok("import", "root", "-b", "base", "-m", String(number));
  }
  const [file, place] = [path.join(home, "all.varve"), path.join(home, "place")];
  ok("tag", "-m", "the first", "v1", "base~2");
  ok("bundle", "--all", file);
  const { status } = await interrupted({
    home,
    words: ["clone", file, place],
    signal: "SIGKILL",
    when: () => when(place),
    slow,
  });
  t.is(status, null);
  t.true(existsSync(path.join(place, ".varve/cloning")));
  return { ...made, file, place, layers: () => filesOf(path.join(place, ".varve/layers/sha256")) };
}

function isWhole(t: ExecutionContext, { home, ok, place }: Killed): void {
  const other = spawnSync("diff", ["-r", "--no-dereference", "-x", ".varve", "root", place], { cwd: home, encoding: "utf8" });
  t.is(other.stdout, "");
  const there = ["--store", path.join(place, ".varve")];
  t.regex(ok(...there, "fsck"), /^Sound: /);
  t.is(ok(...there, "log", "--all").replace("HEAD → ", ""), ok("log", "--all"));
  t.is(ok(...there, "tag", "-n", "--list"), ok("tag", "-n", "--list"));
  t.regex(ok(...there, "status"), /Nothing has changed/);
  t.deepEqual(filesOf(path.join(place, ".varve/scratch")), []);
  t.false(existsSync(path.join(place, ".varve/cloning")));
}

const store = (place: string, ...names: readonly string[]): string => path.join(place, ".varve", ...names);

const MOMENTS: Readonly<Record<string, (place: string) => boolean>> = {
  "that has begun": (place) => existsSync(store(place, "cloning")),
  "that has a store": (place) => existsSync(store(place, "format")),
  "that has some layers": (place) => filesOf(store(place, "layers/sha256")).length >= 2,
  "that has commits": (place) => filesOf(store(place, "git/objects")).length > 2,
  "that has branches": (place) => filesOf(store(place, "git/refs/heads")).length > 0,
};

for (const [state, when] of Object.entries(MOMENTS))
  test(`a clone ${state} and is killed is gone on with by the next one`, async (t) => {
    const killed = await killedClone(t, when);
    const had = killed.layers().length;
    const { layers } = JSON.parse(killed.ok("--json", "clone", killed.file, killed.place)) as { layers: number };
    t.is(layers, LAYERS - had);
    isWhole(t, killed);
  });

test("a clone that has files and is killed is gone on with by the next one", async (t) => {
  const isFilled = (place: string): boolean => existsSync(path.join(place, "file1"));
  const killed = await killedClone(t, isFilled, ["renameat,renameat2,rename,utimensat,unlink", 20]);
  killed.ok("clone", killed.file, killed.place);
  isWhole(t, killed);
});

test("a clone that was killed is not gone on with by one of another source, nor mixed with anything", async (t) => {
  const killed = await killedClone(t, MOMENTS["that has some layers"]!);
  const { home, ok, run, file, place } = killed;
  const other = path.join(home, "other.varve");
  ok("bundle", "base", other);
  const refused = run("clone", other, place);
  t.is(refused.status, 36);
  t.true(refused.stderr.includes(`a clone of "${file}" was stopped there`));
  t.is(run("clone", "--bare", file, place).status, 36);
  // As it was: also when the one that goes on fails.
  const before = killed.layers();
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, -20_000));
  t.is(run("clone", file, place).status, 43);
  t.deepEqual(killed.layers().slice(0, before.length), before);
  writeFileSync(file, whole);
  ok("clone", file, place);
  isWhole(t, killed);
});

test("files that somebody put where a clone was killed stay, and what somebody did in it", async (t) => {
  const killed = await killedClone(t, MOMENTS["that has some layers"]!);
  const { ok, run, file, place } = killed;
  const names = ["mine", "file1"];
  for (const name of names) {
    writeFileSync(path.join(place, name), "precious");
    const { status, stderr } = run("clone", file, place);
    t.is(status, 36);
    t.true(stderr.includes(`path: ${path.join(place, name)}\n`), stderr);
    t.is(readFileSync(path.join(place, name), "utf8"), "precious");
    rmSync(path.join(place, name));
  }
  ok("--store", store(place), "import", path.join(killed.home, "root.tar"), "-b", "own");
  const used = run("clone", file, place);
  t.is(used.status, 36);
  t.regex(used.stderr, /somebody has worked in it/);
  t.regex(ok("--store", store(place), "log", "own"), /import/);
});
