import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { misfits, type Shape } from "../helpers/json-shape.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { cgroupsOf, processesOn, until } from "../overlay/container-fixture.js";
import { makeSmallRoot } from "../overlay/small-root.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

// One after the other: each waits for processes beside it while it holds this one.
const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly pid: number | null;
}

function listed({ json }: RunningStore, name: string): Listed | undefined {
  return (json("ps", "-a") as readonly Listed[]).find((each) => each.name === name);
}

/** Starts a shell in the background and ends it, whatever becomes of the test. @returns Its id. */
function runShell(t: ExecutionContext, store: RunningStore, name: string, script: string, ...options: string[]): string {
  t.teardown(() => void store.run("rm", "-f", "--forget", name));
  const { status, stdout, stderr } = store.run("run", "-d", "--name", name, ...options, "base", "--", "sh", "-c", script);
  t.is(status, 0, stderr);
  t.regex(stdout, /^[0-9a-f]{12}\n$/);
  return stdout.trim();
}

/** Calls the built command without waiting. */
function begin({ home, store }: RunningStore, words: readonly string[], stdin: "pipe" | "ignore" = "ignore"): ChildProcess {
  return spawn(process.execPath, [BUILT_COMMAND, "--store", store, ...words], {
    cwd: home,
    env: environmentWithVarve(home),
    stdio: [stdin, "pipe", "pipe"],
  });
}

function outputOf(child: ChildProcess): Promise<{ readonly stdout: string; readonly status: number | null }> {
  const pieces: Buffer[] = [];
  child.stdout!.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve) => {
    child.once("close", (status) => resolve({ stdout: Buffer.concat(pieces).toString(), status }));
  });
}

const supervisorOf = ({ store }: RunningStore, id: string): number =>
  Number(readFileSync(path.join(store, "containers", id, "conmon.pid"), "utf8"));

/** What a container left on the machine beside its own directory's lasting files. */
function leftOf({ store }: RunningStore, id: string): readonly string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").includes(store) ? ["a mount"] : [];
  const supervisors = spawnSync("pgrep", ["-f", `conmon.*--cid ${id}`], { encoding: "utf8" })
    .stdout.split("\n")
    .filter(Boolean);
  return [...mounts, ...supervisors, ...cgroupsOf(id), ...processesOn(id)];
}

test("run -d outlives the command, and its state, output and exit code are told, also to who asks late", async (t) => {
  const store = runningStore(t);
  const id = runShell(t, store, "job", "echo out; echo err >&2; printf half; sleep 3; exit 3");
  t.like(listed(store, "job"), { id, state: "running", exitCode: null });
  t.is(store.run("wait", "job").stdout, "3\n");
  const { stdout, stderr } = store.run("logs", "job");
  t.is(stdout, "out\nhalf");
  t.is(stderr, "err\n");
  t.like(listed(store, "job"), { id, state: "stopped", pid: null, exitCode: 3 });
  t.is(store.run("logs", "job").stdout, stdout, "a second reader gets the same");
  t.deepEqual(leftOf(store, id), []);
});

for (const [script, wants] of [
  ["exit 0", 0],
  ["exit 7", 7],
  ["kill -TERM $$; sleep 1; exit 9", 9],
  ["sh -c 'kill -KILL $$'", 137],
] as const) {
  test(`wait gives ${wants} for: ${script}`, (t) => {
    const store = runningStore(t);
    runShell(t, store, "job", script);
    t.is(store.run("wait", "job").stdout, `${wants}\n`);
    t.is(listed(store, "job")?.exitCode, wants);
  });
}

test("wait from three processes at once gives each the exit code, also of one that --rm removes", async (t) => {
  const store = runningStore(t);
  const id = runShell(t, store, "passing", "sleep 1; exit 4", "--rm");
  const waiting = [1, 2, 3].map(() => outputOf(begin(store, ["wait", "passing"])));
  t.deepEqual(
    (await Promise.all(waiting)).map(({ stdout }) => stdout),
    ["4\n", "4\n", "4\n"],
  );
  await until(() => listed(store, "passing") === undefined, "--rm removed it");
  await until(() => leftOf(store, id).length === 0, "nothing is left");
  t.false(existsSync(path.join(store.store, "containers", id)));
});

test("rm -f of some that go with their processes removes them all", async (t) => {
  const store = runningStore(t);
  const made = ["one", "two", "three"].map((name) => runShell(t, store, name, "sleep 600", "--rm"));
  const names = (...words: string[]): readonly string[] =>
    (store.json("ps", ...words) as readonly Listed[]).map(({ name }) => name);
  t.deepEqual(names("-f", "name=t", "-f", "status=running").toSorted(), ["three", "two"]);
  t.deepEqual(names("--filter", "status=exited"), []);
  t.is(store.run("ps", "-f", "colour=red").status, 2);
  const { status, stderr } = store.run("rm", "-f", "one", "two", "three");
  t.is(status, 0, stderr);
  t.deepEqual(store.json("ps", "-a"), []);
  await until(() => made.every((id) => leftOf(store, id).length === 0), "nothing is left");
});

test("stop, kill, start and restart of what runs in the background", async (t) => {
  const store = runningStore(t);
  const script = "trap 'echo bye; exit 5' TERM; trap 'echo again' HUP; echo up; while true; do sleep 0.05; done";
  const id = runShell(t, store, "web", script);
  await until(() => store.run("logs", "web").stdout === "up\n", "it is up");
  t.is(store.run("kill", "-s", "HUP", "web").status, 0);
  await until(() => store.run("logs", "web").stdout === "up\nagain\n", "it got the signal");
  t.is(store.run("stop", "web").status, 0);
  t.like(listed(store, "web"), { state: "stopped", exitCode: 5 });
  t.is(store.run("logs", "web").stdout, "up\nagain\nbye\n");
  t.deepEqual(leftOf(store, id), []);
  t.is(store.run("start", "web").status, 0);
  t.like(listed(store, "web"), { state: "running", exitCode: null });
  const { pid } = listed(store, "web")!;
  t.is(store.run("restart", "web").status, 0);
  t.not(listed(store, "web")!.pid, pid);
  t.is(store.run("kill", "web").status, 0);
  t.like(listed(store, "web"), { state: "stopped", exitCode: 137 });
  t.is(store.run("kill", "web").status, 33);
  t.is(store.run("restart", "web").status, 0, "one that does not run is started");
});

test("start -a runs one of the background here", (t) => {
  const store = runningStore(t);
  t.regex(store.run("create", "--name", "job", "base", "--", "sh", "-c", "echo here; exit 6").stdout, /^[0-9a-f]{12}\n$/);
  t.like(listed(store, "job"), { state: "created", exitCode: null });
  const { stdout, status } = store.run("start", "-a", "job");
  t.deepEqual({ stdout, status }, { stdout: "here\n", status: 6 });
  t.like(listed(store, "job"), { state: "stopped", exitCode: 6 });
});

test("a restart policy starts a process again as often as it says, and not after stop", async (t) => {
  const store = runningStore(t);
  const id = runShell(t, store, "failing", "echo run; exit 5", "--restart", "on-failure:2");
  await until(() => store.run("logs", "failing").stdout === "run\n".repeat(3), "it ran three times");
  await until(() => listed(store, "failing")?.state === "stopped" && leftOf(store, id).length === 0, "it is over");
  await pause(1000);
  t.is(store.run("logs", "failing").stdout, "run\n".repeat(3));
  const steady = runShell(t, store, "steady", "echo run; sleep 0.2", "--restart", "always");
  await until(() => store.run("logs", "steady").stdout.length >= 8, "it was started again");
  t.is(store.run("stop", "-t", "0", "steady").status, 0);
  await until(() => leftOf(store, steady).length === 0, "nothing is left");
  const output = store.run("logs", "steady").stdout;
  await pause(1500);
  t.is(store.run("logs", "steady").stdout, output);
  t.is(listed(store, "steady")?.state, "stopped");
});

test("after kill -9 of the supervisor the container runs on, is told to run and can be stopped", async (t) => {
  const store = runningStore(t);
  const id = runShell(t, store, "orphan", "while true; do sleep 0.05; done");
  process.kill(supervisorOf(store, id), "SIGKILL");
  await pause(100);
  t.is(listed(store, "orphan")?.state, "running");
  t.is(store.run("exec", "orphan", "--", "echo", "alive").stdout, "alive\n");
  t.is(store.run("stop", "-t", "0", "orphan").status, 0);
  t.like(listed(store, "orphan"), { state: "stopped", exitCode: null });
  t.is(store.run("wait", "orphan").status, 33);
  await until(() => leftOf(store, id).length === 0, "nothing is left");
  t.is(store.run("start", "orphan").status, 0, "it can be started again");
});

test("a process that can't be started leaves no container, and tells docker's exit status", (t) => {
  const store = runningStore(t);
  for (const [command, status] of [
    ["/absent", 127],
    ["/etc/passwd", 126],
  ] as const) {
    t.is(store.run("run", "-d", "--name", "none", "base", "--", command).status, status);
    t.is(listed(store, "none"), undefined);
  }
  t.deepEqual(
    readdirSync(path.join(store.store, "containers")).filter((name) => /^[0-9a-f]{12}$/.test(name)),
    [],
  );
});

test("exec runs beside the process: its output, input, exit code, user, directory and environment", (t) => {
  const store = runningStore(t);
  runShell(t, store, "host", "while true; do sleep 0.05; done", "-e", "A=of-run", "-w", "/tmp");
  const exec = (...words: string[]) => store.run("exec", ...words);
  t.is(exec("host", "--", "sh", "-c", "echo $A $PWD").stdout, "of-run /tmp\n");
  t.is(exec("-e", "A=own", "-w", "/etc", "host", "--", "sh", "-c", "echo $A $PWD").stdout, "own /etc\n");
  t.is(exec("-u", "1000:50", "host", "--", "sh", "-c", "id -u; id -g").stdout, "1000\n50\n");
  t.is(exec("host", "--", "sh", "-c", "echo err >&2; exit 9").stderr, "err\n");
  t.is(exec("host", "--", "sh", "-c", "exit 9").status, 9);
  t.is(exec("host", "--", "sh", "-c", "kill -TERM $$").status, 143);
  t.is(exec("host", "--", "absent").status, 127);
  t.is(exec("host", "--", "/etc/passwd").status, 126);
  t.is(exec("-w", "/proc/self/fd", "host", "--", "pwd").status, 125);
  t.is(exec("-u", "nobody-here", "host", "--", "pwd").status, 125);
  t.is(exec("absent", "--", "pwd").status, 125);
  const { home } = store;
  const piped = spawnSync(process.execPath, [BUILT_COMMAND, "--store", store.store, "exec", "-i", "host", "--", "cat"], {
    input: "typed",
    encoding: "utf8",
    env: environmentWithVarve(home),
  });
  t.is(piped.stdout, "typed");
  t.is(exec("-d", "host", "--", "sh", "-c", "echo > /tmp/made; sleep 60").status, 0);
  t.is(exec("host", "--", "sh", "-c", "ls /tmp").stdout, "made\n");
  store.run("stop", "-t", "0", "host");
  t.is(exec("host", "--", "true").status, 125, "one that does not run");
});

test("exec gives a terminal of the caller's size, where Ctrl-C reaches the process", async (t) => {
  const store = runningStore(t);
  makeSmallRoot(path.join(store.home, "with-stty"));
  store.run("import", "with-stty", "-b", "with-stty");
  t.teardown(() => void store.run("rm", "-f", "--forget", "shell"));
  t.is(store.run("run", "-d", "--name", "shell", "with-stty", "--", "sleep", "600").status, 0);
  const words = `${process.execPath} ${BUILT_COMMAND} --store ${store.store} exec -it shell`;
  const script = `stty rows 31 cols 97; ${words} -- sh -c 'tty; stty size; cat; echo not reached'; echo status $?`;
  const child = spawn("script", ["-qec", script, "/dev/null"], { env: environmentWithVarve(store.home) });
  let seen = "";
  child.stdout.on("data", (piece: Buffer) => (seen += piece.toString()));
  const output = outputOf(child);
  await until(() => seen.includes("31 97\r\n"), "the size is told");
  child.stdin.write("typed\n");
  await until(() => seen.includes("typed\r\ntyped\r\n"), "the line came back");
  child.stdin.write("\u0003");
  await output;
  t.regex(seen, /\/dev\/pts\/\d/);
  t.regex(seen, /status 130\r\n/);
  t.notRegex(seen, /not reached/);
});

test("attach passes input, its end and the exit code", async (t) => {
  const store = runningStore(t);
  runShell(t, store, "reader", "while read line; do echo got $line; done; echo end; exit 6", "-i");
  const child = begin(store, ["attach", "reader"], "pipe");
  const output = outputOf(child);
  child.stdin!.write("one\n");
  await until(() => store.run("logs", "reader").stdout === "got one\n", "the first line came");
  child.stdin!.end("two\n");
  t.deepEqual(await output, { stdout: "got one\ngot two\nend\n", status: 6 });
});

test("ctrl-p ctrl-q leaves an attached terminal, and the process runs on", async (t) => {
  const store = runningStore(t);
  runShell(t, store, "shell", "while read line; do echo got $line; done", "-i", "-t");
  const words = `${process.execPath} ${BUILT_COMMAND} --store ${store.store} attach shell`;
  const child = spawn("script", ["-qec", `${words}; echo status $?`, "/dev/null"], {
    env: environmentWithVarve(store.home),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = outputOf(child);
  child.stdin.write("typed\n");
  await until(() => store.run("logs", "shell").stdout.includes("got typed"), "the line came");
  child.stdin.write("\u0010\u0011");
  const { stdout } = await output;
  t.regex(stdout, /got typed\r\n/);
  t.regex(stdout, /status 0\r\n/);
  t.is(listed(store, "shell")?.state, "running");
});

test("many bytes through stdout arrive whole, attached and in the log", async (t) => {
  const store = runningStore(t);
  const bytes = 200 * 1024 ** 2;
  // It waits for who attaches.
  runShell(t, store, "loud", `read go; head -c ${bytes} /dev/zero; echo; echo done`, "-i");
  const words = [BUILT_COMMAND, "--store", store.store];
  const measured = (...more: string[]) => ["sh", "-c", `"$@" | wc -c`, "sh", process.execPath, ...words, ...more] as const;
  const [program, ...rest] = measured("attach", "loud");
  const child = spawn(program, rest, { env: environmentWithVarve(store.home), stdio: ["pipe", "pipe", "pipe"] });
  const output = outputOf(child);
  child.stdin.end("go\n");
  const wanted = String(bytes + "\ndone\n".length);
  t.is((await output).stdout.trim(), wanted);
  const [reader, ...readerWords] = measured("logs", "loud");
  t.is(spawnSync(reader, readerWords, { encoding: "utf8", env: environmentWithVarve(store.home) }).stdout.trim(), wanted);
  t.is(store.run("logs", "-n", "1", "loud").stdout, "done\n");
});

test("logs -f ends with the process, and -t, --since and --json tell when", async (t) => {
  const store = runningStore(t);
  runShell(t, store, "talking", "echo one; sleep 0.3; echo two; sleep 0.3; echo three >&2");
  const { stdout } = await outputOf(begin(store, ["logs", "-f", "-t", "talking"]));
  t.regex(stdout, /^\d{4}-\d\d-\d\dT\S+ one\n\d{4}-\d\d-\d\dT\S+ two\n$/);
  const lines = store
    .run("--json", "logs", "talking")
    .stdout.trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly time: string; readonly stream: string; readonly text: string });
  t.deepEqual(
    lines.map(({ stream, text }) => `${stream} ${text}`),
    ["stdout one\n", "stdout two\n", "stderr three\n"],
  );
  t.is(store.run("logs", "--since", lines[1]!.time, "talking").stdout, "two\n");
  t.is(store.run("logs", "--until", lines[1]!.time, "talking").stdout, "one\n");
});

test("--log-opt max-size keeps the log small", (t) => {
  const store = runningStore(t);
  const id = runShell(
    t,
    store,
    "noisy",
    "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done",
    "--log-opt",
    "max-size=20k",
  );
  store.run("wait", "noisy");
  t.true(readFileSync(path.join(store.store, "containers", id, "log")).length <= 24 * 1024);
  t.true(store.run("logs", "noisy").stdout.endsWith("line 2999\n"));
});

test("a store may stand at a path that conmon reads in another way: with colons, spaces and letters beyond ASCII", (t) => {
  const { home, store } = runningStore(t);
  const odd = path.join(home, "a:b é ☃");
  renameSync(store, odd);
  const run = (...words: string[]) => varve(["--store", odd, ...words], { cwd: home, home });
  t.teardown(() => void run("rm", "-f", "--forget", "box"));
  const started = run("run", "-d", "--name", "box", "--log-opt", "max-size=1m", "base", "--", "sh", "-c", "echo told; exit 3");
  t.is(started.status, 0, started.stderr);
  t.is(run("wait", "box").stdout, "3\n");
  t.is(run("logs", "box").stdout, "told\n");
});

test("containers on one base share the mount of its image, and what the kernel has cached of it", (t) => {
  const store = runningStore(t);
  const devices = ["one", "two"].map((name) => {
    const id = runShell(t, store, name, "sleep 600");
    const mounts = readFileSync(`/proc/${supervisorOf(store, id)}/mountinfo`, "utf8").split("\n");
    return mounts.filter((line) => line.includes(" - erofs ")).map((line) => line.split(" ")[2]);
  });
  t.is(devices[0]?.length, 1);
  t.deepEqual(devices[0], devices[1], "it is one filesystem of the kernel, by its device number");
  store.run("rm", "-f", "one");
  t.is(store.run("exec", "two", "--", "cat", "/etc/passwd").status, 0, "which stays for the other");
});

test("what is refused says what to do instead", (t) => {
  const store = runningStore(t);
  const refusals: readonly (readonly [words: readonly string[], status: number, says: RegExp])[] = [
    [["run", "--restart", "always", "base", "--", "true"], 125, /Give -d, too/],
    [["run", "-d", "--commit", "base", "--", "true"], 125, /varve commit NAME/],
    [["run", "-d", "--rm", "--restart", "always", "base", "--", "true"], 125, /--restart always with --rm/],
    [["exec", "base"], 125, /Give it after "--"/],
    [["attach", "absent"], 125, /there is none by that name/],
    [["logs", "absent"], 24, /there is none by that name/],
  ];
  for (const [words, status, says] of refusals) {
    const found = store.run(...words);
    t.is(found.status, status, words.join(" "));
    t.regex(found.stderr, says);
  }
  t.is(store.run("run", "--name", "here", "base", "--", "true").status, 0);
  t.regex(store.run("logs", "here").stderr, /Only the output of containers that were made with "varve run -d"/);
  t.regex(store.run("restart", "here").stderr, /varve stop here/);
});

test("--json has the shape of docs/json.md", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web", "made"));
  const one: Shape = { id: /^[0-9a-f]{12}$/, name: /^(web|made)$/ };
  const fits = (shape: Shape, ...words: string[]): void => {
    t.deepEqual(misfits(store.json(...words), shape), [], words[0]);
  };
  fits(one, "create", "--name", "made", "base", "--", "true");
  fits(one, "run", "-d", "--name", "web", "base", "--", "sh", "-c", "echo up; sleep 60");
  fits([one], "restart", "-t", "0", "web");
  fits([one], "kill", "web");
  fits([{ ...one, exitCode: { any: ["number", null] } }], "wait", "web");
  fits([one], "start", "web");
  fits([one], "kill", "web");
  fits({ time: /^\d{4}-\d\d-\d\dT/, stream: /^std(out|err)$/, text: "string" }, "logs", "web");
});
