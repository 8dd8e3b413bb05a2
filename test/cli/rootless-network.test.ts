import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { networkRoom, type NetworkRoom } from "../helpers/network-room.js";
import { asUser, giveTo, ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { importedBase } from "../helpers/user-store.js";
import { BUILT_COMMAND } from "./built-command.js";

const NEEDS = ["oci-runtime", "overlay", "conmon", "nsenter", "ip", "user-tunnels"] as const;
const TOOLS = ["pasta", "slirp4netns"] as const;

/** The room's own address, and that of nobody, to which its default route leads. */
const MACHINE = "198.51.100.2";
const ROUTER = "198.51.100.1";

const SERVER = `
  require("http").createServer((request, answer) => answer.end("from " + require("os").hostname() + "\\n")).listen(80);
  const echo = require("dgram").createSocket("udp4");
  echo.on("message", (message, from) => echo.send("heard " + message, from.port, from.address)).bind(80);`;
/** Tries for five seconds: who answers may just be starting, behind a port that is open already. */
const CLIENT = `
  const [url] = process.argv.slice(1);
  const later = (left, error) => left > 0 ? setTimeout(ask, 100, left - 1) : (console.log(String(error.code ?? error)), process.exit(1));
  const ask = (left) => {
    const request = require("http").get(url, { agent: false, timeout: 2000 }, (answer) => {
      let text = "";
      answer.on("data", (piece) => { text += piece; });
      answer.on("end", () => { process.stdout.write(text); process.exit(0); });
    });
    request.on("timeout", () => request.destroy(new Error("no answer"))).on("error", (error) => later(left, error));
  };
  ask(50);`;
const UDP_CLIENT = `
  const [host, port] = process.argv.slice(1);
  const socket = require("dgram").createSocket("udp4").on("message", (text) => { console.log(String(text)); process.exit(0); });
  setInterval(() => socket.send("hello", Number(port), host), 100);
  setTimeout(() => process.exit(1), 5000);`;
/** Connects once. */
const TCP_CLIENT = `
  const [host, port] = process.argv.slice(1);
  const end = (word) => { console.log(word); process.exit(0); };
  require("net").connect(Number(port), host).on("connect", () => end("connected")).on("error", () => end("refused"));
  setTimeout(end, 1500, "refused");`;

interface Place {
  readonly room: NetworkRoom;
  readonly home: string;
  readonly store: string;
  /** Calls varve in the room as the ordinary user. */
  run(...words: string[]): SpawnSyncReturns<string>;
  ok(...words: string[]): string;
  /** Runs a program of Node's in the room. */
  node(script: string, ...words: string[]): string;
}

/** This machine's programs, in a root that holds none. */
const PROGRAMS = ["-v", "/usr:/usr:ro", "-v", `${process.execPath}:/tmp/node:ro`];

function place(t: ExecutionContext): Place {
  const user = ordinaryUser()!;
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  const root = path.join(home, "root");
  for (const folder of ["usr", "etc", "proc", "sys", "dev", "tmp"]) mkdirSync(path.join(root, folder), { recursive: true });
  for (const link of ["bin", "lib", "lib64"]) symlinkSync(`usr/${link}`, path.join(root, link));
  for (const file of ["tmp/node", "etc/hosts", "etc/resolv.conf"]) writeFileSync(path.join(root, file), "");
  const tar = ["--owner=0", "--group=0", "-cf", "root.tar", "-C", "root", "."];
  t.is(spawnSync("tar", tar, { cwd: home }).status, 0);
  giveTo(user, home);
  const room = networkRoom(t, home);
  for (const words of [
    "link add out0 type veth peer name out1",
    "link set out1 up",
    `address add ${MACHINE}/24 dev out0`,
    "link set out0 up",
    `route add default via ${ROUTER}`,
  ])
    t.is(room.call("ip", ...words.split(" ")).status, 0, words);
  const run = (...words: string[]): SpawnSyncReturns<string> =>
    room.call(...asUser(user), process.execPath, BUILT_COMMAND, "--store", store, ...words);
  const ok = importedBase(t, run);
  return { room, home, store, run, ok, node: (script, ...words) => room.call(process.execPath, "-e", script, ...words).stdout };
}

/** Processes of networks of a store that run: keepers and helpers name the store, or stand below one that does. */
function helpersOf(store: string): number {
  const lines = readdirSync("/proc").flatMap((pid) => (/^\d+$/.test(pid) ? [commandLine(pid)] : []));
  return lines.filter((line) => line.includes(`\0${store}/`) && line.includes("\0keeper\0")).length;
}

/** Of one that has ended, and that nobody has waited for, it is empty. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

function namedTools(room: NetworkRoom): number {
  const inode = room.call("readlink", "/proc/self/ns/net").stdout.trim();
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || !/^[^\0]*\/(pasta|slirp4netns)\0/.test(commandLine(pid))) return false;
    return spawnSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" }).stdout.trim() === inode;
  }).length;
}

async function until(isSo: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (isSo()) return true;
    await pause(100);
  }
  return false;
}

function pidOf({ store }: Place, id: string, file: string): number {
  return Number(readFileSync(path.join(store, "containers", id, file), "utf8"));
}

for (const tool of TOOLS) {
  const test = testIf(...NEEDS, tool).serial;

  test(`${tool}: a published port leads to an ordinary user's container, through start, restart and exec, and all ends with it`, async (t) => {
    const there = place(t);
    const { room, store, ok, node } = there;
    const publish = ["-p", "18080:80", "-p", "127.0.0.1::80", "-p", "18080:80/udp"];
    const id = ok(
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      tool,
      ...publish,
      ...PROGRAMS,
      "base",
      "--",
      "/tmp/node",
      "-e",
      SERVER,
    );
    for (const address of ["127.0.0.1", MACHINE]) t.is(node(CLIENT, `http://${address}:18080/`), "from web\n", address);
    t.is(node(UDP_CLIENT, MACHINE, "18080"), "heard hello\n");
    const [, chosen = ""] = /^80\/tcp -> 127\.0\.0\.1:(\d+)$/m.exec(ok("port", "web")) ?? [];
    t.is(node(CLIENT, `http://127.0.0.1:${chosen}/`), "from web\n");
    t.is(node(TCP_CLIENT, MACHINE, chosen), "refused\n", "published on the loopback device alone");
    t.regex(ok("ps"), /0\.0\.0\.0:18080->80\/tcp/);
    const [shown] = JSON.parse(ok("inspect", "web")) as [{ network: string; address: string; ports: unknown[] }];
    t.like(shown, { network: tool, address: "10.0.2.100" });
    t.is(shown.ports.length, 3);
    t.regex(ok("exec", "web", "--", "cat", "/etc/hosts", "/etc/resolv.conf"), /^10\.0\.2\.100 web\nnameserver 10\.0\.2\.3$/m);
    t.is(ok("exec", "web", "--", "/tmp/node", "-e", CLIENT, "http://10.0.2.100/"), "from web\n");
    t.deepEqual([helpersOf(store), namedTools(room)], [2, 1]);
    ok("restart", "-t", "0", "web");
    t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
    t.deepEqual([helpersOf(store), namedTools(room)], [2, 1], "of the run before nothing is left");
    ok("stop", "-t", "0", "web");
    t.true(await until(() => helpersOf(store) + namedTools(room) === 0));
    ok("start", "web");
    t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
    process.kill(pidOf(there, id.trim(), "pid"), "SIGKILL");
    t.true(await until(() => helpersOf(store) + namedTools(room) === 0), "it ended by itself");
    ok("ps");
    const left = readdirSync(path.join(store, "containers", id.trim()));
    t.deepEqual(
      left.filter((name) => name.startsWith("network.")),
      [],
    );
  });

  test(`${tool}: the network outlives a kill -9 of the supervisor, and ends with the process`, async (t) => {
    const there = place(t);
    const { room, store, ok, node } = there;
    const words = ["--name", "web", "--network", tool, "-p", "18080:80", ...PROGRAMS, "base", "--", "/tmp/node", "-e", SERVER];
    const id = ok("run", "-d", ...words).trim();
    process.kill(pidOf(there, id, "conmon.pid"), "SIGKILL");
    await pause(300);
    t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
    process.kill(pidOf(there, id, "pid"), "SIGKILL");
    t.true(await until(() => helpersOf(store) + namedTools(room) === 0));
    t.regex(ok("ps", "-a"), /^web +stopped/m);
  });

  test(`${tool}: of a run in the foreground nothing is left, nor after kill -9 of varve and of the process`, async (t) => {
    const there = place(t);
    const { room, store, home, ok } = there;
    t.regex(ok("run", "--rm", "--network", tool, ...PROGRAMS, "base", "--", "ls", "/sys/class/net"), /^eth0$/m);
    // The keeper's parent has still to learn of its end.
    t.true(await until(() => helpersOf(store) + namedTools(room) === 0));
    const [program, ...before] = asUser(ordinaryUser()!);
    const words = ["--store", store, "run", "--name", "box", "--network", tool, ...PROGRAMS, "base", "--", "sleep", "1000"];
    const child = spawn(program, [...before, process.execPath, BUILT_COMMAND, ...words], { cwd: home, stdio: "ignore" });
    t.true(await until(() => helpersOf(store) === 2));
    const running = (): { id: string }[] => JSON.parse(ok("--json", "ps")) as { id: string }[];
    t.true(await until(() => running().length === 1));
    child.kill("SIGKILL");
    await pause(300);
    t.is(helpersOf(store), 2, "the process still runs");
    process.kill(pidOf(there, running()[0]!.id, "pid"), "SIGKILL");
    t.true(await until(() => helpersOf(store) === 0));
    ok("rm", "box");
  });

  test(`${tool}: a container reaches this machine, but not its loopback device`, async (t) => {
    const { room, ok, home } = place(t);
    const listen = `require("net").createServer((socket) => socket.end()).listen(9090, process.argv[1], () => console.log("ready"))`;
    for (const address of [MACHINE, "127.0.0.1"]) {
      const server = spawn("nsenter", [room.entry, "--", process.execPath, "-e", listen, address], {
        cwd: home,
        stdio: ["ignore", "pipe", "ignore"],
      });
      t.teardown(() => void server.kill("SIGKILL"));
      await new Promise((resolve) => server.stdout.once("data", resolve));
    }
    const reach = (address: string): string =>
      ok("run", "--rm", "--network", tool, ...PROGRAMS, "base", "--", "/tmp/node", "-e", TCP_CLIENT, address, "9090");
    t.is(reach(MACHINE), "connected\n");
    for (const address of ["10.0.2.2", "127.0.0.1"]) t.is(reach(address), "refused\n", address);
  });

  test(`${tool}: names are looked up by this machine's name server`, async (t) => {
    const { room, store, home } = place(t);
    writeFileSync(path.join(home, "resolv.conf"), `nameserver ${MACHINE}\n`);
    const server = spawn("nsenter", [room.entry, "--", process.execPath, "-e", NAME_SERVER], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.teardown(() => void server.kill("SIGKILL"));
    await new Promise((resolve) => server.stdout.once("data", resolve));
    const lookup = `require("dns").resolve4("db.example", (error, found) => console.log(error?.code ?? found.join()))`;
    const words = ["run", "--rm", "--network", tool, ...PROGRAMS, "base", "--", "/tmp/node", "-e", lookup];
    const command = [...asUser(ordinaryUser()!), process.execPath, BUILT_COMMAND, "--store", store, ...words];
    const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
    const answer = room.call("unshare", "--mount", "sh", "-c", script, "sh", path.join(home, "resolv.conf"), ...command);
    t.is(answer.stdout, "192.0.2.77\n", answer.stderr);
  });

  test(`${tool}: a port that is taken, or root's, is told with 125, and nothing is left`, async (t) => {
    const { room, store, run, ok, home } = place(t);
    const tried = (port: string): SpawnSyncReturns<string> =>
      run("run", "--network", tool, "-p", port, ...PROGRAMS, "base", "--", "true");
    const listen = `require("net").createServer().listen(18081, () => console.log("ready"))`;
    const server = spawn("nsenter", [room.entry, "--", process.execPath, "-e", listen], {
      cwd: home,
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.teardown(() => void server.kill("SIGKILL"));
    await new Promise((resolve) => server.stdout.once("data", resolve));
    const taken = tried("18081:80");
    t.is(taken.status, 125);
    t.regex(taken.stderr, /^varve: error: Cannot publish port 18081\/tcp: a process of this machine has it$/m);
    ok("run", "-d", "--name", "web", "--network", tool, "-p", "18082:80", ...PROGRAMS, "base", "--", "sleep", "1000");
    t.regex(tried("18082:80").stderr, /Cannot publish port 18082\/tcp: container "web" has it/);
    const low = tried("81:80");
    t.is(low.status, 125);
    t.regex(low.stderr, /^varve: error: Cannot publish port 81\/tcp: ports below 1024 are root's$/m);
    t.regex(low.stderr, /sysctl net\.ipv4\.ip_unprivileged_port_start=81"\.$/m);
    t.is(helpersOf(store), 2, "web's alone");
    t.is(ok("ps", "-aq").trim().split("\n").length, 1);
  });
}

const test = testIf(...NEEDS, "pasta").serial;

test("-P gives an ordinary user's container free ports", (t) => {
  const { ok, node } = place(t);
  const words = ["--name", "web", "-P", "--expose", "80", ...PROGRAMS, "base", "--", "/tmp/node", "-e", SERVER];
  ok("run", "-d", ...words);
  const [, first = ""] = /^80\/tcp -> 0\.0\.0\.0:(\d+)$/m.exec(ok("port", "web")) ?? [];
  t.is(node(CLIENT, `http://127.0.0.1:${first}/`), "from web\n");
  ok("restart", "-t", "0", "web");
  const [, second = ""] = /^80\/tcp -> 0\.0\.0\.0:(\d+)$/m.exec(ok("port", "web")) ?? [];
  t.is(node(CLIENT, `http://127.0.0.1:${second}/`), "from web\n");
});

test("-p without --network gives an ordinary user pasta, and another container may share the network", (t) => {
  const { ok, node } = place(t);
  ok("run", "-d", "--name", "web", "-p", "18080:80", ...PROGRAMS, "base", "--", "/tmp/node", "-e", SERVER);
  t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
  t.like(JSON.parse(ok("--json", "ps")), [{ network: "pasta", address: "10.0.2.100" }]);
  const ask = ["/tmp/node", "-e", CLIENT, "http://127.0.0.1/"];
  t.is(ok("run", "--rm", "--network", "container:web", ...PROGRAMS, "base", "--", ...ask), "from web\n");
  t.is(ok("try", "--network", "container:web", ...PROGRAMS, "base", "--", ...ask), "from web\n");
  t.is(ok("run", "--rm", ...PROGRAMS, "base", "--", "ls", "/sys/class/net"), "lo\n", "who asks for none has none");
});

test("a container with a restart policy has its port again", async (t) => {
  const there = place(t);
  const { ok, node } = there;
  const words = ["--name", "web", "--restart", "always", "-p", "18080:80", ...PROGRAMS, "base", "--", "/tmp/node", "-e", SERVER];
  const id = ok("run", "-d", ...words).trim();
  t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
  const before = pidOf(there, id, "pid");
  process.kill(before, "SIGKILL");
  const next = (): number => {
    try {
      return pidOf(there, id, "pid");
    } catch {
      return before;
    }
  };
  t.true(await until(() => next() !== before));
  t.is(node(CLIENT, "http://127.0.0.1:18080/"), "from web\n");
});

test("what an ordinary user can't have is told with what he can", (t) => {
  const { run, room, home } = place(t);
  const tried = run("run", "--rm", "--network", "bridge", ...PROGRAMS, "base", "--", "true");
  t.is(tried.status, 125);
  t.regex(tried.stderr, /^varve: hint: Give --network pasta, /m);
  const asRoot = path.join(home, "of-root");
  t.is(room.varve(asRoot, "import", "root.tar", "-b", "base", "-m", "base").status, 0);
  const refused = room.varve(asRoot, "run", "--rm", "--network", "pasta", ...PROGRAMS, "base", "--", "true");
  t.is(refused.status, 125);
  t.regex(refused.stderr, /Cannot tie the container to the network "pasta": it is for ordinary users alone/);
});

test("a program that is missing is told with its package, and the other one takes its place", (t) => {
  const { room, store } = place(t);
  const command = [...asUser(ordinaryUser()!), process.execPath, BUILT_COMMAND, "--store", store, "run", "--rm"];
  const without = (hidden: readonly string[], ...words: string[]): SpawnSyncReturns<string> => {
    const script = `for file in ${hidden.join(" ")}; do mount --bind /dev/null "$(command -v $file)"; done; exec "$@"`;
    return room.call(
      "unshare",
      "--mount",
      "sh",
      "-c",
      script,
      "sh",
      ...command,
      ...words,
      ...PROGRAMS,
      "base",
      "--",
      "ls",
      "/sys/class/net",
    );
  };
  const named = without(["pasta"], "--network", "pasta");
  t.is(named.status, 125);
  t.regex(named.stderr, /^varve: error: Cannot tie the container to the network "pasta": there is no pasta\(1\)$/m);
  t.regex(named.stderr, /^varve: hint: Install the package "passt", .* or use --network slirp4netns, or none, or host\.$/m);
  t.is(without(["pasta"], "-p", "18080:80").stdout, "eth0\nlo\n");
  t.regex(without(["pasta", "slirp4netns"], "-p", "18080:80").stderr, /Install the package "passt"/);
});

test("a machine that lets users make no network devices is told", (t) => {
  const { room, store, home } = place(t);
  writeFileSync(path.join(home, "closed"), "", { mode: 0o600 });
  const command = [
    ...asUser(ordinaryUser()!),
    process.execPath,
    BUILT_COMMAND,
    "--store",
    store,
    "run",
    "--rm",
    "--network",
    "pasta",
  ];
  const script = 'mount --bind "$1" /dev/net/tun && shift && exec "$@"';
  const words = [path.join(home, "closed"), ...command, ...PROGRAMS, "base", "--", "true"];
  const { status, stderr } = room.call("unshare", "--mount", "sh", "-c", script, "sh", ...words);
  t.is(status, 125);
  t.regex(stderr, /Cannot tie the container to a network: this user may not use \/dev\/net\/tun/);
  t.regex(stderr, /^varve: hint: As root, run "chmod 666 \/dev\/net\/tun"\.$/m);
});

/** Answers every question with 192.0.2.77. */
const NAME_SERVER = `
  const socket = require("dgram").createSocket("udp4");
  socket.on("message", (message, from) => {
    let end = 12;
    while (message[end] !== 0) end += message[end] + 1;
    const head = Buffer.from([message[0], message[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
    socket.send(Buffer.concat([head, message.subarray(12, end + 5), answer]), from.port, from.address);
  }).bind(53, "${MACHINE}", () => console.log("ready"));`;
