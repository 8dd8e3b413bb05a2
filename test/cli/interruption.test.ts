import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { testIf } from "../helpers/requirements.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";
import { branches, interrupted, makeStore } from "./interrupted-command.js";

// Serial: a synchronous call of one test would keep another from sending its signal in time.
for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test.serial(
    `${signal} during an import from a pipe that brings nothing more ends it with ${status}, and the store is as before`,
    async (t) => {
      const { home, store, scratch, working } = makeStore(t);
      const words = ["--store", store, "import", "-", "-b", "other"];
      // A tar header of a file of 1 MiB, of which the first bytes come.
      const input = tarBeginning();
      const end = await interrupted({ home, words, signal, input, when: () => working() });
      t.is(end.status, status, end.stderr);
      t.regex(end.stderr, new RegExp(`^varve: error: Cannot finish the command: ${signal} came\n$`));
      t.deepEqual(scratch(), []);
      t.deepEqual(branches(home, store), ["base"]);
    },
  );
}

testIf("root")("SIGTERM ends a command that waits for who writes into a file of its options", async (t) => {
  const { home, store } = makeStore(t);
  const fifo = path.join(home, "environment");
  t.is(spawnSync("mkfifo", [fifo]).status, 0);
  const words = ["--store", store, "run", "--rm", "--env-file", fifo, "base", "--", "true"];
  // Without the "--" Node itself would take the option, and wait.
  const child = spawn(process.execPath, ["--", BUILT_COMMAND, ...words], { cwd: home, env: environmentWithVarve(home) });
  t.teardown(() => child.kill("SIGKILL"));
  const end = once(child, "close");
  // The kernel's name for where an open of a FIFO waits.
  while (readFileSync(`/proc/${child.pid!}/wchan`, "latin1") !== "wait_for_partner") await sleep(20);
  child.kill("SIGTERM");
  t.deepEqual(await Promise.race([end, sleep(20_000, "it still waits")]), [null, "SIGTERM"]);
});

test.serial("SIGINT during an import of many files ends it with 130, and the next import works", async (t) => {
  const { home, store, scratch, working } = makeStore(t);
  const many = path.join(home, "many");
  for (let folder = 0; folder < 40; folder += 1) {
    mkdirSync(path.join(many, String(folder)), { recursive: true });
    for (let file = 0; file < 250; file += 1)
      writeFileSync(path.join(many, String(folder), String(file)), `${folder} ${file}`.repeat(2000));
  }
  const words = ["--store", store, "import", many, "-b", "many"];
  const end = await interrupted({ home, words, signal: "SIGINT", when: () => working() });
  t.is(end.status, 130, end.stderr);
  t.deepEqual(scratch(), []);
  t.is(varve(words, { cwd: home, home }).status, 0);
});

test.serial("SIGINT with --json gives the failure as JSON", async (t) => {
  const { home, store, working } = makeStore(t);
  const words = ["--store", store, "import", "-", "-b", "other", "--json"];
  const end = await interrupted({
    home,
    words,
    signal: "SIGINT",
    input: tarBeginning(),
    when: () => working(),
  });
  t.like(JSON.parse(end.stdout), { error: { code: "INTERRUPTED" } });
  t.is(end.status, 130);
});

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
)("SIGINT during a run ends its process, and leaves no mount and no container of --rm", async (t) => {
  const { home, store } = makeStore(t);
  spawnSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
  t.is(varve(["--store", store, "import", "root", "-b", "root"], { cwd: home, home }).status, 0);
  const mark = path.join(home, "root-runs");
  const words = [
    "--store",
    store,
    "run",
    "--rm",
    "-v",
    `${home}:/mnt`,
    "root",
    "--",
    "sh",
    "-c",
    "echo 1 > /mnt/root-runs; exec sleep 60",
  ];
  const runs = (): boolean => readdirSync(home, "utf8").includes(path.basename(mark));
  const end = await interrupted({ home, words, signal: "SIGINT", when: runs });
  t.is(end.status, 130, end.stderr);
  t.deepEqual(JSON.parse(varve(["--store", store, "ps", "-a", "--json"], { cwd: home, home }).stdout), []);
  t.deepEqual(branches(home, store), ["base", "root"]);
  t.false(readFileSync("/proc/self/mountinfo", "utf8").includes(store));
});

/** A tar header of a file of 1 MiB, and its first 64 KiB. */
function tarBeginning(): Buffer {
  const header = Buffer.alloc(512);
  header.write("file", 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write("00004000000\0", 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0ustar\u000000", 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(64 * 1024, "x")]);
}
