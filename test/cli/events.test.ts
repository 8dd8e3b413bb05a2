import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import type { StoreEvent } from "../../core/ports/events.js";
import { misfits, type Shape } from "../helpers/json-shape.js";
import { asUser, giveTo, ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { until } from "../overlay/container-fixture.js";
import { makeSmallRoot } from "../overlay/small-root.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

function eventsOf(text: string): readonly StoreEvent[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StoreEvent);
}

function past({ run }: RunningStore, ...words: string[]): readonly StoreEvent[] {
  return eventsOf(run("events", "--json", "--no-stream", ...words).stdout);
}

/** `start`, `die 3`. */
const told = (events: readonly StoreEvent[]): readonly string[] =>
  events.map(({ action, attributes: { exitCode, signal } }) => [action, exitCode ?? signal].filter(Boolean).join(" "));

const ofContainer = (store: RunningStore, name: string): readonly string[] =>
  told(past(store, "-f", `container=${name}`, "-f", "type=container"));

const shell = (script: string): string[] => ["base", "--", "sh", "-c", script];

function follow(
  t: ExecutionContext,
  { home, store }: RunningStore,
  ...words: string[]
): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, [BUILT_COMMAND, "--store", store, "events", "--json", ...words], {
    cwd: home,
    env: environmentWithVarve(home),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout!.on("data", (piece: Buffer) => (text += piece.toString()));
  return { child, text: () => text };
}

function endOf(child: ChildProcess): Promise<{ readonly status: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => child.once("exit", (status, signal) => resolve({ status, signal })));
}

const EVENT: Shape = {
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  type: /^(container|branch|tag|operation|store)$/,
  action: /^[a-z_-]+$/,
  id: "string",
  name: "string",
  attributes: { any: [{}, { commit: /^[0-9a-f]{40}$/ }, { exitCode: /^\d+$/ }, { user: /^Varve/ }] },
  labels: { any: [{}, { app: /^shop$/ }] },
};

test("events of a run in the foreground, as docker orders them; --json has the shape of docs/json.md", (t) => {
  const store = runningStore(t);
  t.is(store.run("run", "--rm", "--label", "app=shop", "--name", "job", ...shell("sleep 0.3; exit 3")).status, 3);
  const events = past(store);
  t.deepEqual(
    events.map(({ type, action }) => `${type} ${action}`),
    ["operation import", "branch create", "container create", "container start", "container die", "container remove"],
  );
  t.deepEqual(
    events.filter(({ type }) => type !== "branch").flatMap((event) => misfits(event, EVENT)),
    [],
  );
  const [created, started, died] = events.slice(2);
  t.is(new Set(events.slice(2).map(({ id }) => id)).size, 1);
  t.like(created, { name: "job", attributes: { commit: store.commit("base") }, labels: { app: "shop" } });
  t.deepEqual(died?.attributes, { exitCode: "3" });
  const ran = Date.parse(died!.time) - Date.parse(started!.time);
  t.true(ran >= 100, `the start was told as it was: ${ran} ms before the end`);
  const text = store.run("events", "--no-stream", "-f", "event=die").stdout;
  t.is(text, `${died!.time} container die ${died!.id} (name=job, exitCode=3)\n`);
});

test("events of all that is done to a container in the background, in order", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web", "shop"));
  const ok = (...words: string[]): void => {
    const { status, stderr } = store.run(...words);
    t.is(status, 0, `${words.join(" ")}: ${stderr}`);
  };
  const { child, text } = follow(t, store, "-f", "type=container");
  // It watches when the first is told.
  await pause(1000);
  ok("run", "-d", "--name", "web", ...shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done"));
  await until(() => store.run("logs", "web").stdout === "up\n", "it is up");
  ok("exec", "web", "--", "true");
  ok("pause", "web");
  ok("unpause", "web");
  ok("pause", "web");
  ok("unpause", "web");
  ok("update", "web", "--pids-limit", "50");
  ok("rename", "web", "shop");
  ok("kill", "-s", "CONT", "shop");
  ok("restart", "shop");
  await until(() => store.run("logs", "shop").stdout.endsWith("up\n"), "it is up again");
  await pause(200);
  ok("stop", "shop");
  ok("stop", "shop");
  ok("start", "shop");
  ok("kill", "shop");
  ok("start", "shop");
  ok("rm", "-f", "shop");
  ok("undo");
  const wants = [
    ...["create", "start", "exec", "exec_die 0", "pause", "unpause", "pause", "unpause", "update", "rename", "kill SIGCONT"],
    ...["kill SIGTERM", "die 5", "stop", "start", "restart"],
    ...["kill SIGTERM", "die 5", "stop"],
    ...["start", "kill SIGKILL", "die 137"],
  ];
  const all = told(past(store, "-f", "type=container"));
  t.deepEqual(all.slice(0, wants.length), wants);
  // Its shell may not have set its trap yet when it is removed.
  t.deepEqual([all[wants.length], ...all.slice(-3)], ["start", all.at(-3), "remove", "create"]);
  t.regex(all.at(-3) ?? "", /^die /);
  await until(() => eventsOf(text()).length === all.length, "the follower has all of them");
  t.deepEqual(told(eventsOf(text())), all);
  child.kill("SIGINT");
  t.deepEqual(await endOf(child), { status: 0, signal: null });
});

test("what is out of memory is told before its end, in the foreground and in the background", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "here", "there"));
  const greedy = ["--memory", "16m", ...shell("x=a; while :; do x=$x$x; done")];
  t.is(store.run("run", "--name", "here", ...greedy).status, 137);
  t.is(store.run("run", "-d", "--name", "there", ...greedy).status, 0);
  t.is(store.run("wait", "there").stdout, "137\n");
  store.run("rm", "there");
  t.deepEqual(ofContainer(store, "here"), ["create", "start", "oom", "die 137"]);
  t.deepEqual(ofContainer(store, "there"), ["create", "start", "oom", "die 137", "remove"]);
});

test("a process that nobody keeps any more is told to have died when it is stopped, without an exit code", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "lone"));
  const id = store.run("run", "-d", "--name", "lone", ...shell("exec sleep 1000")).stdout.trim();
  process.kill(Number(readFileSync(path.join(store.store, "containers", id, "conmon.pid"), "utf8")), "SIGKILL");
  await pause(100);
  t.is(store.run("stop", "-t", "0", "lone").status, 0);
  t.deepEqual(ofContainer(store, "lone"), ["create", "start", "kill SIGKILL", "die", "stop"]);
});

test("a process that can't be started is told to have been made and removed, and no more", (t) => {
  const store = runningStore(t);
  t.is(store.run("run", "--name", "none", "base", "--", "/absent").status, 127);
  t.is(store.run("run", "-d", "--name", "none", "base", "--", "/absent").status, 127);
  t.deepEqual(ofContainer(store, "none"), ["create", "remove", "create", "remove"]);
});

test("events of 20 containers at once, each whole", async (t) => {
  const store = runningStore(t);
  const env = environmentWithVarve(store.home);
  const statuses = await Promise.all(
    Array.from({ length: 20 }, (_, code) => {
      const words = ["--store", store.store, "run", "--rm", "--name", `n${code}`, ...shell(`exit ${code}`)];
      const child = spawn(process.execPath, [BUILT_COMMAND, ...words], { cwd: store.home, env, stdio: "ignore" });
      return endOf(child);
    }),
  );
  for (const [code, { status }] of statuses.entries()) {
    t.is(status, code);
    t.deepEqual(ofContainer(store, `n${code}`), ["create", "start", `die ${code}`, "remove"]);
  }
});

test("--since, --until and --no-stream tell the past; --until in the future ends then", async (t) => {
  const store = runningStore(t);
  t.is(store.run("tag", "one", "base").status, 0);
  await pause(20);
  const middle = new Date().toISOString();
  await pause(20);
  t.is(store.run("create", "--name", "c", "base", "--", "true").status, 0);
  t.is(store.run("gc").status, 0);
  const kinds = (...words: string[]): readonly string[] => past(store, ...words).map(({ type }) => type);
  t.deepEqual(kinds("--until", middle), ["operation", "branch", "operation", "tag"]);
  // What is logged of one millisecond comes before what is noted of it.
  t.deepEqual([...kinds("--since", middle)].sort(), ["branch", "container", "operation", "store"]);
  t.deepEqual(kinds("--since", "1h", "-f", "type=store"), ["store"]);
  t.deepEqual(kinds("--since", middle, "--until", middle), []);
  t.is(store.run("events", "--until", middle, "-f", "type=tag").stdout.split("\n").length, 2, "it ends by itself");
  const end = new Date(Date.now() + 2500).toISOString();
  const { child, text } = follow(t, store, "--until", end, "-f", "type=tag");
  await until(() => eventsOf(text()).length === 1, "what was");
  t.is(store.run("tag", "two", "base").status, 0);
  t.deepEqual(await endOf(child), { status: 0, signal: null });
  t.deepEqual(
    eventsOf(text()).map(({ name }) => name),
    ["one", "two"],
  );
  for (const wrong of [
    ["--since", "soon"],
    ["--until", "x"],
    ["-f", "colour=red"],
    ["-f", "type=image"],
    ["--format", "json"],
  ])
    t.is(store.run("events", "--no-stream", ...wrong).status, 2, wrong.join(" "));
});

test("a reader that goes away ends it at once, without a word", async (t) => {
  const store = runningStore(t);
  const script = `"${process.execPath}" "${BUILT_COMMAND}" --store store events --since 1h 2>err | head -n 1; cat err`;
  const env = environmentWithVarve(store.home);
  const begin = performance.now();
  const { stdout } = spawnSync("sh", ["-c", script], { cwd: store.home, env, encoding: "utf8", timeout: 60_000 });
  t.regex(stdout, /^\S+ operation import .*\n$/);
  t.true(performance.now() - begin < 30_000, "nothing more had to happen");
});

test("what keeps events from being written is told once, and no command fails by it; nor does a reader by what stands there", (t) => {
  const store = runningStore(t);
  const file = path.join(store.store, "operations/events");
  rmSync(file, { force: true });
  mkdirSync(file);
  const { status, stderr } = store.run("run", "--rm", ...shell("exit 3"));
  t.is(status, 3);
  t.deepEqual(stderr.match(/warning: Cannot write events: /g)?.length, 1, stderr);
  t.deepEqual(
    past(store).map(({ action }) => action),
    ["import", "create"],
  );
  t.regex(store.run("fsck").stdout, /operations\/events/);
  rmSync(file, { recursive: true });
  t.is(store.run("run", "--rm", ...shell("exit 3")).stderr, "");
  t.notRegex(store.run("fsck").stdout, /operations\/events/);
});

testIf("oci-runtime", "overlay", "conmon", "ordinary-user").serial(
  "an ordinary user's containers have events, too",
  async (t) => {
    const user = ordinaryUser()!;
    const home = temporaryDirectory(t);
    const env = environmentWithVarve(home);
    makeSmallRoot(path.join(home, "root"));
    giveTo(user, home);
    chmodSync(home, 0o755);
    const [program, ...before] = [...asUser(user), process.execPath, BUILT_COMMAND, "--store", path.join(home, "store")];
    const run = (...words: string[]) =>
      spawnSync(program!, [...before, ...words], { cwd: home, env, encoding: "utf8", timeout: 60_000 });
    t.teardown(() => void run("rm", "-f", "--forget", "back"));
    t.is(run("import", "root", "-b", "base").status, 0);
    t.is(run("run", "--name", "fore", ...shell("exit 4")).status, 4);
    t.is(run("run", "-d", "--name", "back", ...shell("exit 6")).status, 0);
    t.is(run("wait", "back").stdout, "6\n");
    t.is(run("rm", "back", "fore").status, 0);
    const list = (name: string): readonly string[] =>
      told(eventsOf(run("events", "--json", "--no-stream", "-f", `container=${name}`, "-f", "type=container").stdout));
    t.deepEqual(list("fore"), ["create", "start", "die 4", "remove"]);
    t.deepEqual(list("back"), ["create", "start", "die 6", "remove"]);
  },
);
