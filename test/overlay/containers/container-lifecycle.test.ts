import { spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ContainerRecord, ContainerStatus, RunConfiguration } from "../../../core/ports/containers.js";
import { testIf } from "../../helpers/requirements.js";
import { containerRecord, ContainerFixture, ended, processesOn, until } from "../container-fixture.js";
import { isByUser, runtimeTest } from "../tested-user.js";

let fixture: ContainerFixture;
runtimeTest.before(() => {
  fixture = new ContainerFixture();
});
runtimeTest.after.always(() => fixture?.dispose());

/** Of the machine's root alone: an ordinary user's containers have no freezer, and which call is which of a command that starts anew nobody can count. */
const rootTest = isByUser ? () => undefined : runtimeTest.serial;
const straceTest = isByUser ? () => undefined : testIf("erofs", "overlay", "oci-runtime", "mkfs.erofs", "strace").serial;

const shell = (script: string): Partial<RunConfiguration> => ({ command: ["/bin/sh", "-c", script] });

/** Starts a container and waits until its process has said that it runs. */
async function beginRun(
  name: string,
  configuration: Partial<RunConfiguration>,
): Promise<{ record: ContainerRecord; child: ChildProcess; file: string }> {
  const record = fixture.create(name, configuration);
  const child = fixture.begin({ action: "run", name });
  const file = path.join(fixture.upper(record), "tmp/started");
  await until(() => existsSync(file), `${name} runs`);
  return { record, child, file };
}

async function nothingLeft(record: ContainerRecord): Promise<void> {
  await until(() => fixture.leftovers(record).length === 0, `nothing is left of ${record.name}`);
}

const COUNTING = "echo > /tmp/started; i=0; while true; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done";
const DEAF = "echo > /tmp/started; sleep 60 & wait";

const signals: readonly {
  readonly why: string;
  readonly script: string;
  readonly signals: readonly NodeJS.Signals[];
  readonly wants: unknown;
}[] = [
  { why: "SIGINT kills a process that does not handle it", script: DEAF, signals: ["SIGINT"], wants: { code: "INTERRUPTED" } },
  { why: "SIGTERM kills a process that does not handle it", script: DEAF, signals: ["SIGTERM"], wants: { exitCode: 143 } },
  { why: "SIGHUP kills a process that does not handle it", script: DEAF, signals: ["SIGHUP"], wants: { exitCode: 129 } },
  {
    why: "SIGTERM goes to a process that handles it",
    script: "trap 'echo caught; exit 3' TERM; echo > /tmp/started; while true; do sleep 0.05; done",
    signals: ["SIGTERM"],
    wants: { exitCode: 3 },
  },
  {
    why: "SIGINT goes to a process that handles it, and its exit code is the answer",
    script: "trap 'exit 5' INT; echo > /tmp/started; while true; do sleep 0.05; done",
    signals: ["SIGINT"],
    wants: { exitCode: 5 },
  },
  {
    why: "SIGINT reaches the child that a shell waits for",
    script: "echo > /tmp/started; sleep 60; exit 7",
    signals: ["SIGINT"],
    wants: { code: "INTERRUPTED" },
  },
  {
    why: "a second SIGINT kills a process that handles the first by going on",
    script: "trap 'echo no' INT; echo > /tmp/started; while true; do sleep 0.05; done",
    signals: ["SIGINT", "SIGINT"],
    wants: { code: "INTERRUPTED" },
  },
];

for (const [index, { why, script, signals: sent, wants }] of signals.entries()) {
  runtimeTest.serial(`run(): ${why}, and nothing is left`, async (t) => {
    const { record, child } = await beginRun(`signal-${index}`, shell(script));
    let answer = "";
    child.stdio[3]!.on("data", (piece: Buffer) => (answer += piece.toString()));
    for (const signal of sent) {
      child.kill(signal);
      await pause(150);
    }
    await ended(child);
    await pause(50);
    const { result, error } = JSON.parse(answer) as { result?: { exitCode: number }; error?: { code: string } };
    t.deepEqual(error === undefined ? { exitCode: result?.exitCode } : { code: error.code }, wants as never);
    await nothingLeft(record);
    t.is(fixture.status(record.name)?.state, "stopped");
  });
}

runtimeTest.serial("a container is created, running and stopped in turn, and its process is told", async (t) => {
  const record = fixture.create("in-turn", shell(DEAF));
  t.like(fixture.status("in-turn"), { state: "created", pid: undefined });
  const child = fixture.begin({ action: "run", name: "in-turn" });
  await until(() => processesOn(record.id).length > 0, "it runs");
  await until(() => fixture.status("in-turn")?.state === "running", "it is told to run");
  const { pid } = fixture.status("in-turn")!;
  t.true(processesOn(record.id).includes(String(pid)));
  if (!isByUser) t.regex(readFileSync(`/proc/${pid}/cgroup`, "utf8"), new RegExp(`/varve/${record.id}$`, "m"));
  t.is(fixture.act({ action: "stop", name: "in-turn", milliseconds: 5000 }).error, undefined);
  await ended(child);
  t.like(fixture.status("in-turn"), { state: "stopped", pid: undefined });
  await nothingLeft(record);
});

runtimeTest.serial("a running container can't be started again, rebased or removed", async (t) => {
  const { record, child } = await beginRun("busy", shell(DEAF));
  for (const action of ["run", "rebase", "remove"] as const) {
    t.is(fixture.act({ action, name: "busy" }).error?.code, "CONTAINER_RUNNING", action);
  }
  t.is(fixture.status("busy")?.state, "running");
  fixture.act({ action: "stop", name: "busy" });
  await ended(child);
  t.is(fixture.act({ action: "remove", name: "busy" }).error, undefined);
  t.false(existsSync(path.join(fixture.directory, record.id)));
  t.is(fixture.act({ action: "find", name: "busy" }).error?.code, "TARGET_UNKNOWN");
});

runtimeTest.serial("stop() waits for a process that handles SIGTERM, and kills it after the grace period", async (t) => {
  const stubborn = await beginRun("stubborn", shell("trap : TERM; echo > /tmp/started; while true; do sleep 0.05; done"));
  const begin = performance.now();
  fixture.act({ action: "stop", name: "stubborn", milliseconds: 700 });
  t.true(performance.now() - begin > 700);
  await ended(stubborn.child);
  t.is(fixture.status("stubborn")?.record.exitCode, 137);
  await nothingLeft(stubborn.record);
});

runtimeTest.serial("stop() of a stopped container does nothing", (t) => {
  fixture.create("idle");
  t.is(fixture.act({ action: "stop", name: "idle", milliseconds: 5000 }).error, undefined);
});

runtimeTest.serial("after kill -9 of varve the container is told to run, can be stopped, and nothing is left", async (t) => {
  const { record, child, file } = await beginRun("orphan", shell(COUNTING));
  child.kill("SIGKILL");
  t.is(await ended(child), "SIGKILL");
  t.like(fixture.status("orphan"), { state: "running" });
  const count = path.join(path.dirname(file), "count");
  const before = readFileSync(count, "utf8");
  await until(() => readFileSync(count, "utf8") !== before, "the orphan still counts");
  t.is(fixture.act({ action: "run", name: "orphan" }).error?.code, "CONTAINER_RUNNING");
  t.is(fixture.act({ action: "stop", name: "orphan", milliseconds: 100 }).error, undefined);
  t.deepEqual(processesOn(record.id), []);
  t.is(fixture.status("orphan")?.state, "stopped");
  await nothingLeft(record);
});

runtimeTest.serial("after kill -9 of varve and the runtime the next command clears what they left", async (t) => {
  const { record, child } = await beginRun("wreck", shell(DEAF));
  const runtimes = spawnSync("pgrep", ["-f", `--bundle ${path.join(fixture.directory, record.id)}`], { encoding: "utf8" });
  child.kill("SIGKILL");
  runtimes.stdout.split("\n").filter(Boolean).forEach(killIfThere);
  await ended(child);
  processesOn(record.id).forEach(killIfThere);
  await until(() => processesOn(record.id).length === 0, "its processes are gone");
  t.not(fixture.leftovers(record).length, 0, "something is left, or this test proves nothing");
  t.like(fixture.status("wreck"), { state: "stopped" });
  t.deepEqual(fixture.leftovers(record), []);
});

runtimeTest.serial("a number in the pid file that another process has now is not taken for the container", (t) => {
  const record = fixture.create("reused");
  const folder = path.join(fixture.directory, record.id);
  mkdirSync(path.join(folder, "runtime"));
  writeFileSync(path.join(folder, "pid"), `${process.pid}`);
  t.like(fixture.status("reused"), { state: "created", pid: undefined });
  t.deepEqual(fixture.leftovers(record), []);
});

rootTest("whilePaused() freezes the processes and thaws them", async (t) => {
  const { child, file } = await beginRun("counter", shell(COUNTING));
  const count = path.join(path.dirname(file), "count");
  const paused = fixture.begin({ action: "pausedFor", name: "counter", milliseconds: 1500 });
  await until(() => fixture.status("counter")?.state === "paused", "it is paused");
  const before = readFileSync(count, "utf8");
  await pause(300);
  t.is(readFileSync(count, "utf8"), before);
  await ended(paused);
  await until(() => readFileSync(count, "utf8") !== before, "it counts again");
  t.is(fixture.status("counter")?.state, "running");
  fixture.act({ action: "stop", name: "counter" });
  await ended(child);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  rootTest(`whilePaused() ended by ${signal} leaves nothing frozen, at the latest when the next command looks`, async (t) => {
    const name = `thawed-${signal.toLowerCase()}`;
    const { child, file } = await beginRun(name, shell(COUNTING));
    const paused = fixture.begin({ action: "pausedFor", name, milliseconds: 60_000 });
    await until(() => fixture.status(name)?.state === "paused", "it is paused");
    paused.kill(signal);
    t.is(await ended(paused), signal);
    if (signal === "SIGKILL") t.is(fixture.status(name)?.state, "running");
    const before = readFileSync(path.join(path.dirname(file), "count"), "utf8");
    await until(() => readFileSync(path.join(path.dirname(file), "count"), "utf8") !== before, "it counts again");
    fixture.act({ action: "stop", name });
    await ended(child);
  });
}

rootTest("stop() ends a container that is frozen", async (t) => {
  const { record, child } = await beginRun("frozen", shell(COUNTING));
  const paused = fixture.begin({ action: "pausedFor", name: "frozen", milliseconds: 60_000 });
  await until(() => fixture.status("frozen")?.state === "paused", "it is paused");
  t.is(fixture.act({ action: "stop", name: "frozen", milliseconds: 100 }).error, undefined);
  paused.kill("SIGKILL");
  await ended(child);
  await nothingLeft(record);
});

runtimeTest.serial("rebase() gives a fresh upper directory and removes the old one", (t) => {
  const record = fixture.create("rebased", shell("echo x > /tmp/x"));
  fixture.start("rebased");
  const { result } = fixture.act<ContainerRecord>({ action: "rebase", name: "rebased" });
  t.like(result, { base: "1".repeat(40), name: "rebased", layers: ["2".repeat(64)] });
  t.deepEqual(readdirSync(fixture.upper(record, 2)), []);
  t.false(existsSync(fixture.upper(record)));
  t.is(String(fixture.status("rebased")?.record.base), "1".repeat(40));
});

for (const [call, when] of [
  ["mkdir", 2],
  ["fsync", 1],
  ["rename", 1],
  ["fsync", 3],
  ["unlinkat", 4],
] as const) {
  straceTest(`rebase() killed at ${call} ${when} stands on the old commit or on the new one`, (t) => {
    const name = `killed-${call}-${when}`;
    const record = fixture.create(name, shell("echo old > /tmp/x"));
    fixture.start(name);
    const inject = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${when}`];
    const { signal } = spawnSync("strace", [...inject, process.execPath, ...fixture.arguments({ action: "rebase", name })]);
    t.is(signal, "SIGKILL", "it came to that call");
    const { base, layers } = fixture.status(name)!.record;
    const generation = base === record.base ? 1 : 2;
    t.deepEqual(layers, [(generation === 1 ? "0" : "2").repeat(64)]);
    t.deepEqual(readdirSync(fixture.upper(record, generation)), generation === 1 ? ["tmp"] : []);
    t.is(fixture.act({ action: "rebase", name }).error, undefined);
    t.deepEqual(readdirSync(fixture.upper(record, generation + 1)), []);
    t.is(fixture.start(name).result?.exitCode, 0);
  });
}

for (const when of [1, 4, 8]) {
  straceTest(`remove() killed at unlinkat ${when} leaves no part of the container, and the next create() nothing at all`, (t) => {
    const name = `killed-removal-${when}`;
    const record = fixture.create(name, shell("mkdir -p /tmp/a/b; for i in 1 2 3 4 5; do echo > /tmp/a/b/$i; done"));
    fixture.start(name);
    const inject = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", `inject=unlinkat:signal=KILL:when=${when}`];
    const { signal } = spawnSync("strace", [...inject, process.execPath, ...fixture.arguments({ action: "remove", name })]);
    t.is(signal, "SIGKILL", "it came to that call");
    const standing = (): readonly string[] => readdirSync(fixture.directory).filter((each) => each.includes(record.id));
    if (fixture.status(name) !== undefined) {
      t.deepEqual(standing(), [record.id]);
      t.true(existsSync(fixture.upper(record)), "it is whole");
      t.is(fixture.act({ action: "remove", name }).error, undefined);
    }
    fixture.create(`after-${name}`);
    t.deepEqual(standing(), []);
  });
}

runtimeTest.serial("create() of a name that is taken throws NAME_TAKEN", (t) => {
  fixture.create("taken");
  const other = { ...containerRecord("other"), name: "taken" };
  t.is(fixture.act({ action: "create", record: other }).error?.code, "NAME_TAKEN");
});

runtimeTest.serial("find() takes a name, an id and an id's unique prefix", (t) => {
  const { id } = fixture.create("findable");
  for (const name of ["findable", id, id.slice(0, 8)]) {
    t.is(fixture.act<ContainerStatus>({ action: "find", name }).result?.record.id, id);
  }
  for (const name of ["", "absent", "zz", id.slice(0, 1)])
    t.is(fixture.act({ action: "find", name }).error?.code, "TARGET_UNKNOWN");
});

runtimeTest.serial("list() passes over what an interrupted create() left, and the next create() removes it", (t) => {
  fixture.create("listed");
  mkdirSync(path.join(fixture.directory, "new-0123456789ab"));
  fixture.give(path.join(fixture.directory, "new-0123456789ab"));
  const names = fixture.act<readonly ContainerStatus[]>({ action: "list" }).result!.map(({ record }) => record.name);
  t.true(names.includes("listed"));
  t.is(names.length, new Set(names).size);
  fixture.create("after-it");
  t.false(existsSync(path.join(fixture.directory, "new-0123456789ab")));
});

runtimeTest.serial("run() with -t gives the process a real terminal, of the size of this one, and puts this one back", (t) => {
  const record = fixture.create("terminal", {
    ...shell("tty; echo $TERM; stty size; read line; echo got $line"),
    terminal: true,
    interactive: true,
  });
  const quoted = fixture
    .command({ action: "run", name: "terminal" })
    .map((word) => `'${word}'`)
    .join(" ");
  const command = `stty rows 31 cols 97; stty -g > ${fixture.folder}/before; ${quoted}; stty -g > ${fixture.folder}/after`;
  const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], { input: "typed\n", encoding: "utf8", timeout: 30_000 });
  t.regex(stdout, /\/dev\/(pts\/0|console)\r\n/);
  t.regex(stdout, /xterm\r\n31 97\r\n/);
  t.regex(stdout, /got typed\r\n/);
  t.is(readFileSync(`${fixture.folder}/after`, "utf8"), readFileSync(`${fixture.folder}/before`, "utf8"));
  t.deepEqual(fixture.leftovers(record), []);
  rmSync(`${fixture.folder}/before`);
});

/** It may end by itself meanwhile. */
function killIfThere(pid: string): void {
  try {
    process.kill(Number(pid), "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
