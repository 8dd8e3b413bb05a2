import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { asUser, giveTo, LONE_USER, ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

// One after the other: a container takes a good part of this machine.
const test = testIf("oci-runtime", "overlay", "ordinary-user").serial;

/** Nothing of it moves a time, and no file has two names. */
const CHANGE = "chmod 600 /bin/dd; chmod 700 /bin/sh; chown 33:50 /data /data/script-* /etc; chmod 4755 /bin/ls";

interface Described {
  readonly tree: string;
  readonly layer: string;
}

function change({ ok }: UserStore): Described {
  ok("run", "--name", "box", "base", "--", "sh", "-c", CHANGE);
  ok("commit", "box", "-m", "changed");
  return JSON.parse(ok("--json", "show", "box")) as Described;
}

test("an ordinary user's commit of a container is root's: the same tree in a layer of the same size", (t) => {
  const [ofUser, ofRoot] = [userStore(t, ordinaryUser()!), userStore(t, undefined)];
  const [byUser, byRoot] = [change(ofUser), change(ofRoot)];
  t.is(byUser.tree, byRoot.tree);
  const size = ({ store }: UserStore, { layer }: Described): number => statSync(path.join(store, "layers/sha256", layer)).size;
  // A file that was copied up whole for its mode stores no content.
  t.is(size(ofUser, byUser), size(ofRoot, byRoot));
  t.is(ofUser.ok("diff", "box"), "");
});

test("an ordinary user diffs, rolls back, undoes and starts a container, and every file stands as it was committed", (t) => {
  const { ok, run } = userStore(t, ordinaryUser()!);
  const list = "stat -c '%n %u:%g %a' /data/script-1 /bin/dd; ls /data | grep -c dangling; true";
  ok("run", "--name", "box", "base", "--", "sh", "-c", `${CHANGE}; rm /data/dangling`);
  t.regex(ok("diff", "box"), /^M {2}\/bin\/dd {2}mode 0755→0600$/m);
  ok("commit", "box", "-m", "changed");
  t.is(ok("run", "--rm", "box", "--", "sh", "-c", list), "/data/script-1 33:50 755\n/bin/dd 0:0 600\n0\n");
  ok("rollback", "box", "base");
  t.is(ok("diff", "box"), "");
  ok("undo");
  t.is(ok("run", "--rm", "box", "--", "sh", "-c", list), "/data/script-1 33:50 755\n/bin/dd 0:0 600\n0\n");
  t.is(run("rm", "box").status, 0);
  t.regex(ok("ps", "-a", "--json"), /^\[\]/);
});

test("containers of the background: commands that come later enter the user namespace of the first", (t) => {
  const { ok, store } = userStore(t, ordinaryUser()!);
  const id = ok("run", "-d", "--name", "box", "base", "--", "sh", "-c", "echo out; echo err >&2; exec sleep 60").trim();
  t.is(ok("exec", "box", "--", "sh", "-c", "echo in > /tmp/x; chown 7 /tmp/x; stat -c %u /tmp/x"), "7\n");
  t.is(ok("exec", "-u", "alice", "box", "--", "id", "-u"), "1000\n");
  t.is(ok("logs", "box"), "out\n");
  t.regex(ok("diff", "box"), /^A {2}\/tmp\/x$/m);
  ok("commit", "box", "-m", "of one that runs");
  const namespace = (pid: string): number => statSync(`/proc/${pid}/ns/user`).ino;
  const pid = readFileSync(path.join(store, "containers", id, "pid"), "utf8").trim();
  t.not(namespace(pid), namespace("self"));
  ok("run", "-d", "--name", "other", "base", "--", "sleep", "60");
  const pids = readdirSync(path.join(store, "containers"))
    .map((name) => path.join(store, "containers", name, "pid"))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8").trim());
  t.is(pids.length, 2);
  t.deepEqual([...new Set(pids.map(namespace))], [namespace(pid)]);
  ok("stop", "-t", "0", "box", "other");
  t.regex(ok("ps", "-a"), /box +stopped \(137\)/);
});

test("commands that start at once make one namespace together", async (t) => {
  const { home, store, ok } = userStore(t, ordinaryUser()!);
  const [program, ...before] = [...asUser(ordinaryUser()!), process.execPath, BUILT_COMMAND, "--store", store, "run"];
  const children = [1, 2, 3, 4].map((n) =>
    spawn(program!, [...before, "-d", "--name", `box${n}`, "base", "--", "sleep", "60"], {
      cwd: home,
      env: environmentWithVarve(home),
      stdio: "ignore",
    }),
  );
  const statuses = await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
  t.deepEqual(statuses, [0, 0, 0, 0]);
  const spaces = (JSON.parse(ok("--json", "ps")) as { pid: number }[]).map(({ pid }) => statSync(`/proc/${pid}/ns/user`).ino);
  t.is(spaces.length, 4);
  t.is(new Set(spaces).size, 1);
});

test("a user without more ids than one is told so once, and a commit keeps the owners that no file could have", (t) => {
  const { ok, run, store } = userStore(t, LONE_USER, "1000");
  const first = run(
    "run",
    "--name",
    "box",
    "base",
    "--",
    "sh",
    "-c",
    "id -u; chmod 600 /bin/dd; echo x > /new; echo y >> /etc/passwd",
  );
  t.is(first.stdout, "0\n");
  t.is(
    first.stderr,
    "varve: warning: in containers of this user all files have one owner, since /etc/subuid gives nobody no ids. What a commit says of owners stays as it was.\n",
  );
  t.is(run("start", "-a", "box").stderr, "");
  t.is(ok("diff", "box"), "M  /bin/dd  mode 0755→0600\nM  /etc/passwd  content mtime\nA  /new\n");
  ok("commit", "box", "-m", "x");
  t.regex(ok("ls", "-l", "box:bin/dd"), /^-rw------- +1000:1000 /);
  t.regex(ok("ls", "-l", "box:new"), / 0:0 /);
  const { status, stderr } = run("run", "--rm", "-u", "alice", "base", "--", "id");
  t.is(status, 125);
  t.regex(stderr, /Cannot run as user 1000 in the container: this user has no id for it/);
  t.true(existsSync(store));
});

test("a newuidmap that has lost its rights gives one id, and the command says so", (t) => {
  const { home, store } = userStore(t, ordinaryUser()!);
  const powerless = path.join(home, "newuidmap");
  writeFileSync(powerless, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const program = execFileSync("sh", ["-c", "command -v newuidmap"], { encoding: "utf8" }).trim();
  const words = [process.execPath, BUILT_COMMAND, "--store", store, "run", "--rm", "base", "--", "cat", "/proc/self/uid_map"];
  // In a mount namespace of its own, where that one stands in the program's place.
  const { status, stdout, stderr } = spawnSync(
    "unshare",
    [
      "--mount",
      "sh",
      "-c",
      'mount --bind "$0" "$1" && shift && exec "$@"',
      powerless,
      program,
      ...asUser(ordinaryUser()!),
      ...words,
    ],
    { cwd: home, env: environmentWithVarve(home), encoding: "utf8" },
  );
  t.is(status, 0, stderr);
  t.regex(stdout, /^ +0 +\d+ +1\n$/);
  t.regex(stderr, /all files have one owner, since \S+\/newuidmap has no rights of root/);
});

test("an owner that /etc/subuid does not reach is refused before anything runs, and nothing is left", (t) => {
  const { run, ok, store } = userStore(t, ordinaryUser()!, "70000");
  const { status, stderr } = run("run", "--name", "box", "base", "--", "true");
  t.is(status, 125);
  t.regex(stderr, /^varve: error: Cannot unpack "[^"]+": it belongs to user 70000, and ids here go up to 65536$/m);
  t.regex(stderr, /^varve: hint: Have an administrator give this user 70000 ids or more in \/etc\/subuid/m);
  t.regex(ok("ps", "-a", "--json"), /^\[\]/);
  const unpacked = readdirSync(path.join(store, "unpacked"), { recursive: true }) as string[];
  t.deepEqual(
    unpacked.filter((name) => name.includes("/") && !name.endsWith("lock")),
    [],
  );
});

test("a group and a limit beyond what an ordinary user can give are told, and nothing is left", (t) => {
  const { run, ok } = userStore(t, ordinaryUser()!);
  t.regex(ok("run", "--rm", "--group-add", "65536", "base", "--", "id", "-G"), /^0 65536$/m);
  const refused = (words: readonly string[], message: RegExp): void => {
    const { status, stderr } = run("run", "--rm", ...words, "base", "--", "true");
    t.is(status, 125, words.join(" "));
    t.regex(stderr, message);
    t.notRegex(stderr, /runc|crun/);
  };
  refused(["--group-add", "65537"], /Cannot give the process the group 65537: this user has no id for it/);
  refused(["--ulimit", "nofile=1073741816"], /Cannot set the limit nofile to 1073741816: this process may not go beyond \d+/);
  t.regex(ok("ps", "-a", "--json"), /^\[\]/);
});

test("limits, which need root here, and this machine's own root are refused", (t) => {
  const { run } = userStore(t, ordinaryUser()!);
  const limited = run("run", "--rm", "--memory", "64m", "base", "--", "true");
  t.is(limited.status, 125);
  t.regex(limited.stderr, /Cannot limit the container: this user may not make cgroups/);
  t.regex(run("try", "--", "true").stderr, /Cannot try a command on this machine's own root: only root can mount it apart/);
});

test("a rollback with --restart stops and starts a container, and cp and volumes know its users' files", (t) => {
  const { ok, run, home } = userStore(t, ordinaryUser()!);
  const script =
    "echo x > /vol/x; chown 33 /vol/x; chmod 600 /vol/x; cp /vol/x /own; chown 33 /own; chmod 600 /own; exec sleep 60";
  ok(
    "run",
    "-d",
    "--name",
    "box",
    "-v",
    "data:/vol",
    "base",
    "--",
    "sh",
    "-c",
    `command -v cp > /dev/null || cp() { cat "$1" > "$2"; }; ${script}`,
  );
  ok("exec", "box", "--", "sh", "-c", "until [ -s /own ]; do sleep 0.05; done");
  ok("cp", "box:/own", "copied");
  t.is(readFileSync(path.join(home, "copied"), "utf8"), "x\n");
  t.regex(ok("rollback", "--restart", "box", "base"), /^$/);
  t.regex(ok("ps"), /^box +running /m);
  t.regex(run("update", "--memory", "64m", "box").stderr, /Cannot limit the container: this user may not make cgroups/);
  ok("rm", "-f", "--forget", "box");
  ok("volume", "rm", "data");
});

test("root refuses what an ordinary user's containers wrote", (t) => {
  const { ok, store, home } = userStore(t, ordinaryUser()!);
  ok("run", "--name", "box", "base", "--", "sh", "-c", "echo > /x");
  for (const words of [
    ["diff", "box"],
    ["start", "box"],
    ["commit", "box", "-m", "x"],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [BUILT_COMMAND, "--store", store, ...words], {
      env: environmentWithVarve(home),
      encoding: "utf8",
    });
    t.not(status, 0);
    t.regex(stderr, /Cannot use the container: its files belong to an ordinary user's ids/);
  }
});

test("gc removes what was unpacked together with the layers", (t) => {
  const { ok, store } = userStore(t, ordinaryUser()!);
  ok("run", "--name", "box", "base", "--", "sh", "-c", "echo > /x; chown 9 /x");
  ok("commit", "box", "-m", "x");
  ok("run", "--rm", "box", "--", "true");
  const [folder] = readdirSync(path.join(store, "unpacked"));
  const layers = (): number =>
    readdirSync(path.join(store, "unpacked", folder!)).filter((name) => /^[0-9a-f]{64}$/.test(name)).length;
  t.is(layers(), 2);
  ok("rm", "box");
  ok("branch", "-D", "box");
  ok("gc", "--now", "--yes");
  t.is(layers(), 1);
  t.deepEqual(readdirSync(path.join(store, "scratch")), []);
});

test("a tracked directory is read outside of the namespace, also beside containers of its store", (t) => {
  const user = ordinaryUser()!;
  const { ok, run, home, store } = userStore(t, user);
  mkdirSync(path.join(home, "tracked"));
  writeFileSync(path.join(home, "tracked/file"), "x\n");
  giveTo(user, path.join(home, "tracked"));
  const [program, ...before] = [...asUser(user), process.execPath, BUILT_COMMAND];
  const within = (...words: string[]): string => {
    const env = environmentWithVarve(home);
    const { status, stdout, stderr } = spawnSync(program!, [...before, ...words], {
      cwd: path.join(home, "tracked"),
      env,
      encoding: "utf8",
    });
    t.is(status, 0, stderr);
    return stdout;
  };
  within("init");
  within("import", path.join(home, "root.tar"), "-b", "base", "-m", "base");
  within("run", "--name", "box", "base", "--", "sh", "-c", "echo > /x");
  within("commit", "-m", "directory");
  t.regex(within("ls", "-l", "main"), new RegExp(` ${user.uid}:${user.gid} .* file\n$`));
  within("commit", "box", "-m", "container");
  t.regex(within("ls", "-l", "box:x"), / 0:0 /);
  within("rm", "box");
  t.is(run("ps").status, 0);
  t.true(existsSync(store));
  ok("log", "base");
});

test("varve network create is refused to an ordinary user in words that say what there is without root", (t) => {
  const { run, ok } = userStore(t, ordinaryUser()!);
  const { status, stderr } = run("network", "create", "lab");
  t.is(status, 50);
  t.regex(stderr, /Cannot make network "lab": only root can, .*\n.*--network (pasta|slirp4netns).*-p.*container:NAME/);
  t.is(run("network", "rm", "lab").status, 24);
  t.is(ok("--json", "network", "ls"), "[]\n");
});

test("stats of an ordinary user's container without a cgroup tells what is not known as such, and not as 0", (t) => {
  const { ok } = userStore(t, ordinaryUser()!);
  ok("run", "-d", "--name", "box", "base", "--", "sleep", "60");
  const { usage } = JSON.parse(ok("--json", "stats", "--no-stream", "box")) as { usage: Record<string, unknown> };
  const { network, ...others } = usage;
  t.deepEqual(network, { receivedBytes: 0, sentBytes: 0 });
  const names = ["cpuNanoseconds", "cpuPercent", "memoryBytes", "memoryLimitBytes", "processes", "readBytes", "writtenBytes"];
  t.deepEqual(Object.keys(others).sort(), names);
  t.true(Object.values(others).every((value) => value === null));
  const [, row] = ok("stats", "--no-stream").split("\n");
  t.regex(row!, /^[0-9a-f]{12}  box +-- +-- \/ -- +-- +0 B \/ 0 B +-- \/ -- +--$/);
});
