import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve, varve } from "./built-command.js";
import { branches, interrupted, makeStore, type Call, type Ended } from "./interrupted-command.js";

/** Large contents on a slow disk: a signal that is heard only when all is read or written comes too late by seconds. */
const MEGABYTES = 64;
const MILLISECONDS_A_PIECE = 60;
/** Of a layer so much is kept in memory, and a little more seen on the disk. */
const AT_ONCE_MEGABYTES = 5;
const SLOW_READS = ["pread64", MILLISECONDS_A_PIECE] as const;
const SLOW_WRITES = ["pwrite64", MILLISECONDS_A_PIECE] as const;

function writeLarge(file: string, megabytes = MEGABYTES): void {
  const descriptor = openSync(file, "w");
  for (let written = 0; written < megabytes; written += 1) writeSync(descriptor, randomBytes(1 << 20));
  closeSync(descriptor);
}

/** Whether one of a directory's files, or what stands one below, has something in it. */
function holdsContent(directory: string): boolean {
  if (!existsSync(directory)) return false;
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names.some((name) => {
    const stat = statSync(path.join(directory, name), { throwIfNoEntry: false });
    return stat !== undefined && stat.isFile() && stat.size > 0;
  });
}

/** True a while after something was first true: what comes next has begun then. */
function after(isTrue: () => boolean): () => boolean {
  let since = Infinity;
  return () => {
    if (since === Infinity && isTrue()) since = performance.now();
    return performance.now() - since > 10 * MILLISECONDS_A_PIECE;
  };
}

async function endsEarly(t: ExecutionContext, call: Omit<Call, "signal">): Promise<Ended> {
  let began = NaN;
  const when = (soFar: Omit<Ended, "status">): boolean => {
    if (!call.when(soFar)) return false;
    began = performance.now();
    return true;
  };
  const end = await interrupted({ ...call, when, signal: "SIGINT" });
  t.is(end.status, 130, end.stderr);
  t.regex(end.stderr, /^varve: error: Cannot finish the command: SIGINT came\n$/);
  const took = performance.now() - began;
  t.true(took < (MEGABYTES / 2) * MILLISECONDS_A_PIECE, `it went on for ${took} ms`);
  return end;
}

testIf("strace").serial("SIGINT ends an import while one large file is read, and the store is as before", async (t) => {
  const { home, store, scratch } = makeStore(t);
  writeLarge(path.join(home, "small/large"));
  const words = ["--store", store, "import", "small", "-b", "other"];
  await endsEarly(t, { home, words, slow: SLOW_READS, when: () => holdsContent(path.join(store, "scratch")) });
  t.deepEqual(scratch(), []);
  t.deepEqual(branches(home, store), ["base"]);
});

test.serial("SIGINT ends an import while a file of one large hole is hashed", async (t) => {
  const { home, store, scratch } = makeStore(t);
  writeLarge(path.join(home, "small/before"), AT_ONCE_MEGABYTES);
  execFileSync("truncate", ["-s", "1T", path.join(home, "small/hole")]);
  const words = ["--store", store, "import", "small", "-b", "other"];
  await endsEarly(t, { home, words, when: after(() => holdsContent(path.join(store, "scratch"))) });
  t.deepEqual(scratch(), []);
});

testIf("strace").serial("SIGINT ends an export of one large file, and leaves no file", async (t) => {
  const { home, store } = storeOfLarge(t);
  const before = readdirSync(home);
  const words = ["--store", store, "export", "large", "-o", "large.tar"];
  const isBegun = (): boolean =>
    readdirSync(home).some((name) => name.startsWith("large.tar") && statSync(path.join(home, name)).size > 0);
  await endsEarly(t, { home, words, slow: SLOW_READS, when: isBegun });
  t.deepEqual(readdirSync(home), before);
});

testIf("strace").serial("SIGINT ends an export of one large file to stdout", async (t) => {
  const { home, store } = storeOfLarge(t);
  const words = ["--store", store, "export", "large"];
  const { stdout } = await endsEarly(t, { home, words, slow: SLOW_READS, when: (soFar) => soFar.stdout !== "" });
  t.not(stdout, "");
});

for (const there of [true, false]) {
  const state = there ? "an empty directory" : "an absent directory";
  testIf("strace").serial(`SIGINT ends a checkout of one large file into ${state}, which is then as before`, async (t) => {
    const { home, store } = storeOfLarge(t);
    const out = path.join(home, "out");
    if (there) mkdirSync(out);
    const words = ["--store", store, "checkout", "large", "out"];
    await endsEarly(t, { home, words, slow: SLOW_WRITES, when: () => holdsContent(out) });
    t.deepEqual(existsSync(out) ? readdirSync(out) : undefined, there ? [] : undefined);
  });
}

testIf("strace").serial("SIGINT ends a checkout of many files", async (t) => {
  const { home, store } = makeStore(t);
  for (let file = 0; file < 3000; file += 1) writeFileSync(path.join(home, `small/${file}`), `${file}`);
  t.is(varve(["--store", store, "import", "small", "-b", "many"], { cwd: home, home }).status, 0);
  const words = ["--store", store, "checkout", "many", "out"];
  const out = path.join(home, "out");
  await endsEarly(t, { home, words, slow: ["utimensat", 2], when: () => holdsContent(out) });
  t.false(existsSync(out));
});

/** A store with a branch `large`. */
function storeOfLarge(t: ExecutionContext): ReturnType<typeof makeStore> {
  const made = makeStore(t);
  writeLarge(path.join(made.home, "small/large"));
  t.is(varve(["--store", made.store, "import", "small", "-b", "large"], { cwd: made.home, home: made.home }).status, 0);
  return made;
}

interface Tracked {
  readonly home: string;
  readonly tracked: string;
  readonly call: (...words: readonly string[]) => string;
  /** Refs, the tree with times, and what varve left of its own work. */
  readonly state: () => unknown;
  /** Whether new contents are being written beside the tree. */
  readonly isStaged: () => boolean;
}

/** A directory whose commit `main~1` has a file `large` more than the last. */
function trackedDirectory(t: ExecutionContext): Tracked {
  const home = temporaryDirectory(t);
  const tracked = path.join(home, "tracked");
  mkdirSync(tracked);
  const call = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = varve(words, { cwd: tracked, home });
    t.is(status, 0, stderr);
    return stdout;
  };
  call("init");
  writeFileSync(path.join(tracked, "small"), "x");
  writeLarge(path.join(tracked, "large"));
  call("commit", "-m", "large");
  execFileSync("rm", [path.join(tracked, "large")]);
  call("commit", "-m", "small");
  const find = ["-ec", "find . -path ./.varve -prune -o ! -path . -printf '%p %y %m %s %T@\\n'; ls -A .varve/scratch"];
  const state = (): unknown => [
    call("branch", "--json"),
    call("status", "--json"),
    execFileSync("sh", find, { cwd: tracked, encoding: "utf8" }),
  ];
  const scratch = path.join(tracked, ".varve/scratch");
  const isStaged = (): boolean =>
    readdirSync(scratch).some((name) => name.startsWith("tree") && holdsContent(path.join(scratch, name)));
  return { home, tracked, call, state, isStaged };
}

for (const words of [
  ["rollback", "main~1"],
  ["restore", "--source", "main~1", "--", "large"],
]) {
  testIf("strace").serial(
    `SIGINT while ${words[0]} writes a large file leaves refs and tree as they were; repeated it is done`,
    async (t) => {
      const { home, tracked, call, state, isStaged } = trackedDirectory(t);
      appendFileSync(path.join(tracked, "small"), "not committed");
      const before = state();
      await endsEarly(t, { home, cwd: tracked, words, slow: SLOW_WRITES, when: isStaged });
      t.deepEqual(state(), before);
      call(...words);
      t.is(statSync(path.join(tracked, "large")).size, MEGABYTES << 20);
      call("undo");
      t.deepEqual(state(), before);
    },
  );
}

testIf("strace").serial(
  "SIGINT while undo writes a large file leaves refs and tree as they were; repeated it is done",
  async (t) => {
    const { home, tracked, call, state, isStaged } = trackedDirectory(t);
    call("rollback", "main~1");
    const large = state();
    call("rollback", "main@{1}");
    appendFileSync(path.join(tracked, "small"), "not committed");
    const before = state();
    await endsEarly(t, { home, cwd: tracked, words: ["undo"], slow: SLOW_WRITES, when: isStaged });
    t.deepEqual(state(), before);
    call("undo");
    t.deepEqual(state(), large);
  },
);

for (const [change, alter] of [
  [
    "in place",
    (file: string) => execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=1", "count=9", "conv=notrunc", "status=none"]),
  ],
  ["at its end", (file: string) => appendFileSync(file, "more")],
] as const) {
  testIf("strace").serial(`SIGINT ends a commit while a large file is read that has changed ${change}`, async (t) => {
    const { home, tracked, call, state } = trackedDirectory(t);
    call("rollback", "main~1");
    alter(path.join(tracked, "large"));
    writeLarge(path.join(tracked, "before"), AT_ONCE_MEGABYTES);
    const before = state();
    const isReading = after(() => holdsContent(path.join(tracked, ".varve/scratch")));
    await endsEarly(t, { home, cwd: tracked, words: ["commit", "-m", "x"], slow: SLOW_READS, when: isReading });
    t.deepEqual(state(), before);
  });
}

testIf("strace", "oci-runtime", "erofs", "overlay").serial(
  "SIGINT ends a commit of a container while a large file of it is read",
  async (t) => {
    const { home, store, scratch } = makeStore(t);
    execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
    const call = (...words: readonly string[]): string => {
      const { status, stdout, stderr } = varve(["--store", store, ...words], { cwd: home, home });
      t.is(status, 0, stderr);
      return stdout;
    };
    call("import", "root", "-b", "root");
    call("run", "--name", "box", "root", "--", "sh", "-c", `head -c ${MEGABYTES}M /dev/urandom > /large`);
    const before = call("status", "box", "--json");
    t.regex(before, /large/);
    const words = ["--store", store, "commit", "box", "-m", "x"];
    await endsEarly(t, { home, words, slow: SLOW_READS, when: () => holdsContent(path.join(store, "scratch")) });
    t.deepEqual(scratch(), []);
    t.is(call("status", "box", "--json"), before);
  },
);
