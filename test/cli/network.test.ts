import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { networkRoom, type NetworkRoom } from "../helpers/network-room.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

const NETAVARK = ["/usr/lib/podman", "/usr/libexec/podman"].map((folder) => `${folder}/netavark`).find(existsSync);
const test = testIf(
  "oci-runtime",
  "erofs",
  "overlay",
  "conmon",
  "iptables",
  "nsenter",
  ...(NETAVARK === undefined ? ["netavark"] : []),
).serial;

const NOTHING = { devices: 0, rules: 0, servers: 0 };
/** This machine's programs, in a root that holds none. */
const PROGRAMS = ["-v", "/usr:/usr:ro", "-v", `${process.execPath}:/tmp/node:ro`];
const SERVER = `require("http").createServer((request, answer) => answer.end("from " + require("os").hostname() + "\\n")).listen(80)`;
/** Tries for five seconds: who answers may just be starting. */
const CLIENT = `
  const [url] = process.argv.slice(1);
  const ask = (left) => fetch(url, { signal: AbortSignal.timeout(2000) }).then((answer) => answer.text()).then(
    (text) => { process.stdout.write(text); process.exit(0); },
    (error) => left > 0 ? setTimeout(ask, 100, left - 1) : (console.log(String(error.cause?.code ?? error)), process.exit(1)));
  ask(50);`;

interface Setting {
  readonly room: NetworkRoom;
  readonly home: string;
  readonly store: string;
  /** Calls varve in the room. */
  run(...words: string[]): ReturnType<NetworkRoom["varve"]>;
}

function setting(t: ExecutionContext): Setting {
  const home = temporaryDirectory(t);
  const room = networkRoom(t, home);
  const store = path.join(home, "store");
  makeStore(t, home, store);
  const run = (...words: string[]) => room.varve(store, ...words);
  // Before the room goes: a name server would keep it.
  t.teardown(() => {
    const ids = run("ps", "-aq").stdout.split("\n").filter(Boolean);
    if (ids.length > 0) run("rm", "-f", ...ids);
  });
  t.deepEqual(room.counts(), NOTHING);
  return { room, home, store, run };
}

function makeStore(t: ExecutionContext, home: string, store: string): void {
  const root = path.join(home, `${path.basename(store)}-root`);
  for (const folder of ["usr", "etc", "proc", "sys", "dev", "tmp"]) mkdirSync(path.join(root, folder), { recursive: true });
  for (const link of ["bin", "lib", "lib64"]) symlinkSync(`usr/${link}`, path.join(root, link));
  execFileSync("touch", [path.join(root, "tmp/node")]);
  t.is(varve(["--store", store, "import", root, "-b", "base", "-m", "base"], { cwd: home, home }).status, 0);
}

function serve({ run }: Setting, t: ExecutionContext, name: string, ...words: string[]): void {
  const { status, stderr } = run("run", "-d", "--name", name, ...words, ...PROGRAMS, "base", "--", "/tmp/node", "-e", SERVER);
  t.is(status, 0, stderr);
}

function ask({ run }: Setting, url: string, ...words: string[]): string {
  const { status, stdout, stderr } = run("run", "--rm", ...words, ...PROGRAMS, "base", "--", "/tmp/node", "-e", CLIENT, url);
  // The client ends with 0 or 1: all else is varve's own failure, such as to leave the network.
  return status === 0 || status === 1 ? stdout : stderr;
}

test("containers reach each other by name, id and alias on a network that was made, and nothing is left", (t) => {
  const place = setting(t);
  const { room, run } = place;
  t.is(run("network", "create", "lab").stdout, "lab\n");
  t.deepEqual(room.counts(), NOTHING, "nothing stands before a container runs on it");
  serve(place, t, "web", "--network", "lab", "--network-alias", "www");
  const [{ id, address }] = JSON.parse(run("--json", "ps").stdout) as [{ id: string; address: string }];
  for (const name of ["web", "www", id, address]) t.is(ask(place, `http://${name}/`, "--network", "lab"), "from web\n", name);
  t.is(ask(place, "http://127.0.0.1/", "--network", "container:web"), "from web\n");
  const tried = ["try", "--network", "container:web", ...PROGRAMS];
  for (const side of [["base"], []])
    t.regex(run(...tried, ...side, "--", process.execPath, "-e", CLIENT, "http://127.0.0.1/").stdout, /^from web$/m, side.join());
  t.regex(run("try", "--network", "container:nosuch", "base", "--", "true").stderr, /Cannot find container "nosuch"/);
  const shown = run("run", "--rm", "--network", "lab", ...PROGRAMS, "base", "--", "cat", "/etc/hosts", "/etc/resolv.conf").stdout;
  const { gateway } = JSON.parse(run("network", "inspect", "lab").stdout) as { gateway: string };
  t.true(shown.endsWith(`\nnameserver ${gateway}\n`), shown);
  t.regex(shown, /^10\.\d+\.\d+\.3 /m);
  t.is(run("stop", "-t", "0", "web").status, 0);
  t.deepEqual(room.counts(), NOTHING);
  t.is(run("network", "rm", "lab").stdout, "lab\n");
});

test("two networks have subnets and names of their own, and so have two stores", (t) => {
  const place = setting(t);
  const { room, home, run } = place;
  run("network", "create", "one");
  run("network", "create", "two");
  serve(place, t, "web", "--network", "one");
  t.is(ask(place, "http://web/", "--network", "one"), "from web\n");
  const other = path.join(home, "other");
  makeStore(t, home, other);
  const elsewhere: Setting = { ...place, store: other, run: (...words) => room.varve(other, ...words) };
  elsewhere.run("network", "create", "one");
  serve(elsewhere, t, "web", "--network", "one", "--hostname", "elsewhere");
  t.teardown(() => elsewhere.run("rm", "-f", "web"));
  t.is(ask(elsewhere, "http://web/", "--network", "one"), "from elsewhere\n");
  t.is(ask(place, "http://web/", "--network", "one"), "from web\n");
  const subnets = [run, elsewhere.run].flatMap((call) =>
    (JSON.parse(call("--json", "network", "ls").stdout) as { subnet: string }[]).map(({ subnet }) => subnet),
  );
  t.is(new Set(subnets).size, 3);
  const lookup = `require("dns").resolve4("web", (error) => console.log(error?.code ?? "found"))`;
  const asked = run("run", "--rm", "--network", "two", ...PROGRAMS, "base", "--", "/tmp/node", "-e", lookup).stdout;
  t.not(asked, "found\n", "a name of one network is none of the other's");
  for (const call of [run, elsewhere.run]) t.is(call("rm", "-f", "web").status, 0);
  t.deepEqual(room.counts(), NOTHING);
});

test("a published port of this machine leads to the container, on the address that was given", (t) => {
  const place = setting(t);
  const { room, run } = place;
  // Who publishes a port asks for a network.
  serve(place, t, "web", "-p", "18080:80", "-p", "127.0.0.1::80");
  t.like(JSON.parse(run("--json", "ps").stdout), [{ network: "bridge" }]);
  const listed = run("port", "web").stdout.trim().split("\n");
  t.is(listed[0], "80/tcp -> 0.0.0.0:18080");
  const [, chosen = ""] = /^80\/tcp -> 127\.0\.0\.1:(\d+)$/.exec(listed[1] ?? "") ?? [];
  for (const port of ["18080", chosen])
    t.is(room.call(process.execPath, "-e", CLIENT, `http://127.0.0.1:${port}/`).stdout, "from web\n", port);
  t.is(run("port", "web", "80").stdout, `0.0.0.0:18080\n127.0.0.1:${chosen}\n`);
  t.is(run("port", "web", "81").status, 24);
  t.regex(run("ps").stdout, /0\.0\.0\.0:18080->80\/tcp/);
  t.is(run("rm", "-f", "web").status, 0);
  t.deepEqual(room.counts(), NOTHING);
});

test("-P publishes what the image and --expose name, each on a free port, and chooses anew at each start", (t) => {
  const place = setting(t);
  const { room, run, home } = place;
  const words = ["-b", "image", "-m", "m", "--change", "EXPOSE 80 53/udp 90"];
  t.is(run("import", path.join(home, "store-root"), ...words).status, 0);
  const command = ["image", "--", "/tmp/node", "-e", SERVER];
  const options = ["--network", "bridge", "-P", "-p", "18090:90", "--expose", "70-71", "--expose", "80/tcp"];
  const started = run("run", "-d", "--name", "web", ...options, ...PROGRAMS, ...command);
  t.is(started.status, 0, started.stderr);
  const ports = (): ReadonlyMap<string, number> =>
    new Map(
      [...run("port", "web").stdout.matchAll(/^(\S+) -> 0\.0\.0\.0:(\d+)$/gm)].map(([, port, own]) => [port!, Number(own)]),
    );
  const reached = (port: number): string => room.call(process.execPath, "-e", CLIENT, `http://127.0.0.1:${port}/`).stdout;
  const first = ports();
  t.deepEqual([...first.keys()].sort(), ["53/udp", "70/tcp", "71/tcp", "80/tcp", "90/tcp"]);
  t.is(first.get("90/tcp"), 18090, "-p goes before");
  const free = [...first].filter(([port]) => port !== "90/tcp");
  for (const [port, own] of free) t.true(own >= 32768 && own <= 60999, port);
  t.is(reached(first.get("80/tcp")!), "from web\n");
  t.true(run("ps").stdout.includes(`0.0.0.0:${first.get("53/udp")}->53/udp`));
  const [{ configuration }] = JSON.parse(run("inspect", "web").stdout) as [{ configuration: { exposed: string[] } }];
  t.deepEqual(configuration.exposed, ["80/tcp", "53/udp", "90/tcp", "70/tcp", "71/tcp"]);
  t.is(run("restart", "-t", "0", "web").status, 0);
  const second = ports();
  t.deepEqual([...second.keys()], [...first.keys()]);
  t.notDeepEqual(second, first);
  t.is(reached(second.get("80/tcp")!), "from web\n");
  t.is(run("rm", "-f", "web").status, 0);
  t.deepEqual(room.counts(), NOTHING);
});

test("without -P what is exposed leads nowhere", (t) => {
  const place = setting(t);
  serve(place, t, "web", "--network", "bridge", "--expose", "80");
  t.is(place.run("port", "web").stdout, "");
  t.is(place.run("rm", "-f", "web").status, 0);
  t.deepEqual(place.room.counts(), NOTHING);
});

test("a port in use is told with 125, by whomever it is used, and nothing is left", (t) => {
  const place = setting(t);
  const { room, home, store, run } = place;
  const held = `const s = require("net").createServer().listen(18081, "127.0.0.1", () => {
    const { status, stderr } = require("child_process").spawnSync(process.execPath, process.argv.slice(1), { encoding: "utf8" });
    console.log(status, stderr.split("\\n")[0]); s.close(); });`;
  const words = ["--store", store, "run", "--network", "bridge", "-p", "18081:80", ...PROGRAMS, "base", "--", "/bin/true"];
  const { stdout } = room.call(process.execPath, "-e", held, path.resolve("dist/varve.js"), ...words);
  t.is(stdout, "125 varve: error: Cannot publish port 18081/tcp: a process of this machine has it\n");
  t.is(run("ps", "-aq").stdout, "");
  t.deepEqual(room.counts(), NOTHING);

  serve(place, t, "web", "--network", "bridge", "-p", "18081:80");
  const before = room.counts();
  const again = run(
    "run",
    "-d",
    "--name",
    "late",
    "--network",
    "bridge",
    "-p",
    "18081:80",
    ...PROGRAMS,
    "base",
    "--",
    "/bin/true",
  );
  t.is(again.status, 125);
  t.regex(again.stderr, /^varve: error: Cannot publish port 18081\/tcp: container "web" has it$/m);
  const other = path.join(home, "other");
  makeStore(t, home, other);
  const foreign = room.varve(other, "run", "--network", "bridge", "-p", "18081:80", ...PROGRAMS, "base", "--", "/bin/true");
  t.is(foreign.status, 125);
  t.regex(foreign.stderr, /a container of another store, or of podman, has it/);
  t.deepEqual(room.counts(), before);
  t.is(run("ps", "-a").stdout.trim().split("\n").length, 2);
  t.is(run("rm", "-f", "web").status, 0);
});

test("a missing tool is told with the name of its package, and nothing is left", (t) => {
  const { room, store, run } = setting(t);
  run("network", "create", "lab");
  const hide = (what: string, network: string) =>
    room.call("unshare", "--mount", "sh", "-c", `${what} && exec "$0" "$@"`, process.execPath, path.resolve("dist/varve.js"),
      ...["--store", store, "run", "--network", network, ...PROGRAMS, "base", "--", "/bin/true"]); // prettier-ignore
  const folder = path.dirname(NETAVARK!);
  const without = hide(`mount -t tmpfs none ${folder}`, "bridge");
  t.is(without.status, 125);
  t.regex(without.stderr, /^varve: error: Cannot tie a container to a network: netavark is not installed\n.*"netavark"/);
  const nameless = hide(`mount --bind /dev/null ${folder}/aardvark-dns`, "lab");
  t.is(nameless.status, 125);
  t.regex(nameless.stderr, /aardvark-dns.* is not installed\n.*"aardvark-dns"/);
  t.is(run("ps", "-aq").stdout, "");
  t.deepEqual(room.counts(), NOTHING);
});

test("what a killed run leaves on a network is taken down by the next command", (t) => {
  const place = setting(t);
  const { room, store, run } = place;
  run("network", "create", "lab");
  serve(place, t, "web", "--network", "lab", "-p", "18082:80");
  const [id = ""] = readdirSync(path.join(store, "containers")).filter((name) => /^[0-9a-f]{12}$/.test(name));
  const pids = ["conmon.pid", "pid"].map((file) => Number(readFileSync(path.join(store, "containers", id, file), "utf8")));
  for (const pid of pids) process.kill(pid, "SIGKILL");
  t.true(room.counts().rules > 0, "the rules outlive it");
  t.regex(run("ps", "-a").stdout, /^web +stopped/m);
  t.deepEqual(room.counts(), NOTHING);
  t.is(run("start", "web").status, 0);
  t.is(run("port", "web").stdout, "80/tcp -> 0.0.0.0:18082\n");
  t.is(run("rm", "-f", "web").status, 0);
  t.deepEqual(room.counts(), NOTHING);
});

test("addresses: one that was given, one that is taken, one of another subnet", (t) => {
  const place = setting(t);
  const { run } = place;
  t.is(run("network", "create", "--subnet", "10.200.7.0/24", "lab").status, 0);
  serve(place, t, "web", "--network", "lab", "--ip", "10.200.7.9", "--mac-address", "02:00:00:00:00:09");
  t.is(ask(place, "http://10.200.7.9/", "--network", "lab"), "from web\n");
  const refused: readonly (readonly [string, RegExp])[] = [
    ["10.200.7.9", /container "web" has it/],
    ["10.200.7.1", /this machine's own/],
    ["10.200.8.1", /has 10\.200\.7\.0\/24/],
    ["10.200.7.255", /has 10\.200\.7\.0\/24/],
  ];
  for (const [address, says] of refused) {
    const { status, stderr } = run("run", "--network", "lab", "--ip", address, ...PROGRAMS, "base", "--", "/bin/true");
    t.is(status, 125);
    t.regex(stderr, says);
  }
  t.is(run("network", "create", "--subnet", "10.200.7.128/25", "other").status, 54);
  t.is(run("network", "rm", "lab").status, 32);
  t.is(run("ps", "-aq").stdout.trim().split("\n").length, 1);
});

test("a network of this machine's own is not taken for a subnet", (t) => {
  const { room, run } = setting(t);
  t.is(room.call("ip", "link", "add", "own0", "type", "bridge").status, 0);
  t.is(room.call("ip", "address", "add", "10.201.0.1/16", "dev", "own0").status, 0);
  t.is(room.call("ip", "link", "set", "own0", "up").status, 0);
  const { status, stderr } = run("network", "create", "--subnet", "10.201.3.0/24", "lab");
  t.is(status, 54);
  t.regex(stderr, /this machine reaches 10\.201\.0\.0\/16 through "own0"/);
});

test("an internal network has names, and no route out of this machine", (t) => {
  const place = setting(t);
  const { room, run } = place;
  for (const words of ["link add out0 type bridge", "address add 192.0.2.1/24 dev out0", "link set out0 up"])
    t.is(room.call("ip", ...words.split(" ")).status, 0, words);
  run("network", "create", "--internal", "inner");
  run("network", "create", "lab");
  const reach = `require("net").connect(9, "192.0.2.1").on("error", (error) => console.log(error.code))`;
  const tried = (network: string) =>
    run("run", "--rm", "--network", network, ...PROGRAMS, "base", "--", "/tmp/node", "-e", reach).stdout;
  t.is(tried("inner"), "ENETUNREACH\n");
  t.is(tried("lab"), "ECONNREFUSED\n", "the other kind gets there, where nobody listens");
  serve(place, t, "web", "--network", "inner");
  t.is(ask(place, "http://web/", "--network", "inner"), "from web\n");
  t.is(run("rm", "-f", "web").status, 0);
  t.deepEqual(room.counts(), { ...NOTHING, devices: 1 });
});

test("six containers that start at once have an address each", (t) => {
  const { room, store, run } = setting(t);
  run("network", "create", "lab");
  const script = `for i in 1 2 3 4 5 6; do "$@" --name many-$i --network lab ${PROGRAMS.join(" ")} base -- sleep 60 & done; wait`;
  const words = [process.execPath, path.resolve("dist/varve.js"), "--store", store, "run", "-d"];
  t.is(room.call("sh", "-c", script, "sh", ...words).status, 0);
  const { containers } = JSON.parse(run("network", "inspect", "lab").stdout) as { containers: { address: string }[] };
  t.is(new Set(containers.map(({ address }) => address)).size, 6);
  t.is(run("rm", "-f", ...[1, 2, 3, 4, 5, 6].map((n) => `many-${n}`)).status, 0);
  t.deepEqual(room.counts(), NOTHING);
});

test("networks: bad names and actions", (t) => {
  const { run } = setting(t);
  t.is(run("network").stderr, "There is no network. Make one with: varve network create NAME\n");
  t.is(run("network", "create", "lab").status, 0);
  t.is(run("network", "create", "lab").status, 30);
  for (const name of ["host", "none", "bridge", "../x", "a b", ""]) t.is(run("network", "create", name).status, 2, name);
  for (const words of [
    ["rm", "nosuch"],
    ["inspect", "nosuch"],
    ["rm", "lab", "nosuch"],
  ])
    t.is(run("network", ...words).status, 24, words.join(" "));
  t.regex(run("network", "ls").stdout, /^lab /m);
  for (const words of [["make"], ["create"], ["ls", "lab"], ["ls", "--internal"], ["create", "--subnet", "10.0.0.1/24", "x"]])
    t.is(run("network", ...words).status, 2, words.join(" "));
  t.is(run("run", "--network", "nosuch", ...PROGRAMS, "base", "--", "/bin/true").status, 125);
  t.is(run("run", "--network", "container:nosuch", ...PROGRAMS, "base", "--", "/bin/true").status, 125);
  t.is(run("ps", "-aq").stdout, "");
});
