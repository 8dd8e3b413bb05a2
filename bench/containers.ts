// What running containers costs, beside podman and docker on the same root and beside the floor, runc alone and a start of Node:
// node build/bench/containers.js [--quick]. As root, with podman, docker's daemon, conmon and runc. Writes a section of docs/benchmarks.md; --quick takes few
// rounds, and writes nothing.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { asUser, ordinaryUser } from "../test/helpers/ordinary-user.js";
import { LocalServers } from "./local-servers.js";
import { compare, type Contender, type Timing } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const ROUNDS = options.quick ? 3 : 15;
const DEEP = options.quick ? 20 : 1000;
const MANY = options.quick ? 6 : 50;

const folder = mkdtempSync(path.join(tmpdir(), "varve-bench-containers-"));
const at = (name: string): string => path.join(folder, name);
const STORE = at("store");
/** As it is installed: its own first lines start Node. */
const PROGRAM = path.resolve("dist/varve.js");
const VARVE = `${PROGRAM} --store ${STORE}`;
/** Limits above this machine's own can't be set everywhere. */
const PODMAN = `podman --root ${at("podman")} --runroot ${at("podman-run")} --cgroup-manager=cgroupfs --runtime runc`;
const THEIR_RUN = "--network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024";
const environment = { ...process.env, VARVE_STORE: STORE };
const servers = new LocalServers(environment);

function shell(line: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { env: environment, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new TypeError(`\`${line}\` ended with status ${status}: ${stderr}`);
  return stdout;
}

function makeRoots(): void {
  shell(`node -e 'import("${path.resolve("scripts/demo/small-root.mjs")}").then((m) => m.makeSmallRoot("${at("root")}"))'`);
  mkdirSync(at("root/data"));
  for (let number = 0; number < 20; number += 1) shell(`head -c 5000000 /dev/urandom > ${at(`root/data/file-${number}`)}`);
  shell(`${VARVE} -q import ${at("root")} -b base -m base`);
  shell(`tar -C ${at("root")} -c . | ${PODMAN} import - small`);
  shell(`${VARVE} branch deep base`);
  for (let number = 1; number < DEEP; number += 1) {
    writeFileSync(at(`root/change-${number % 10}`), `${number}\n`);
    shell(`${VARVE} -q import ${at("root")} -b deep -m ${number}`);
  }
  // What is mounted often is laid out once.
  shell(`${VARVE} run --rm deep -- true`);
}

/** runc on a ready root, without any of ours. */
function makeBundle(): string {
  const bundle = at("bundle");
  mkdirSync(bundle);
  shell(`cd ${bundle} && runc spec`);
  const configuration = JSON.parse(readFileSync(path.join(bundle, "config.json"), "utf8")) as {
    process: { terminal: boolean; args: string[]; rlimits?: unknown };
    root: { path: string };
  };
  configuration.process.terminal = false;
  configuration.process.args = ["/usr/bin/true"];
  delete configuration.process.rlimits;
  configuration.root.path = at("root");
  writeFileSync(path.join(bundle, "config.json"), JSON.stringify(configuration));
  return bundle;
}

const times = ({ ourMilliseconds, rivalMilliseconds }: Timing): Pick<Row, "ours" | "rival"> => ({
  ours: `${ourMilliseconds.toFixed(0)} ms`,
  rival: `${rivalMilliseconds.toFixed(0)} ms`,
});

function row(what: string, ours: Contender, rival: Contender, limit: number | undefined, rounds = ROUNDS): Row {
  process.stderr.write(`bench: ${what}\n`);
  const timing = compare({ ours, rival, rounds, warmUp: true }, environment);
  return {
    what,
    ...times(timing),
    result: `${timing.ratio.toFixed(2)} ×`,
    goal: limit === undefined ? "–" : `≤ ${limit} ×`,
    isMet: limit === undefined ? undefined : timing.ratio <= limit,
  };
}

function single(): readonly Row[] {
  const podman = { name: "podman", line: `${PODMAN} run --rm ${THEIR_RUN} small /usr/bin/true` };
  const varve = (revision: string): Contender => ({
    name: "varve",
    line: `${VARVE} run --rm --network none ${revision} -- true`,
  });
  const bundle = makeBundle();
  const floor = { name: "floor", line: `sh -c 'node -e 0 && runc run --bundle ${bundle} floor'` };
  return [
    row("`run --rm --network none REV -- true` at depth 1, against podman", varve("base"), podman, 0.85),
    row(`the same at depth ${DEEP}`, varve("deep"), podman, 0.85),
    ...besideDocker(varve),
    row(
      "the same at depth 1, against the floor: `node -e 0`, then `runc run` on a ready directory",
      varve("base"),
      floor,
      undefined,
    ),
  ];
}

/** Its daemon runs while it is compared, and no longer. */
function besideDocker(varve: (revision: string) => Contender): readonly Row[] {
  const docker = servers.startDocker(folder);
  shell(`tar -C ${at("root")} -c . | ${docker} import - small`);
  const rival = { name: "docker", line: `${docker} run --rm ${THEIR_RUN} small /usr/bin/true` };
  const rows = [
    row("`run --rm --network none REV -- true` at depth 1, against docker", varve("base"), rival, 0.85),
    row(`the same at depth ${DEEP}`, varve("deep"), rival, 0.85),
  ];
  servers.stop();
  return rows;
}

function besideOne(): readonly Row[] {
  shell(`${VARVE} run -d --name one base -- sleep 3600`);
  shell(`${PODMAN} run -d --name one ${THEIR_RUN} small /usr/bin/sleep 3600`);
  const made = (program: string): (() => void) => {
    return () =>
      void shell(
        program === "varve" ? `${VARVE} create --name two base -- true` : `${PODMAN} create --name two ${THEIR_RUN} small true`,
      );
  };
  const rows = [
    row(
      "`exec NAME -- true`, against podman",
      { name: "varve", line: `${VARVE} exec one -- true` },
      { name: "podman", line: `${PODMAN} exec one /usr/bin/true` },
      undefined,
    ),
    row("`ps`, against podman", { name: "varve", line: `${VARVE} ps` }, { name: "podman", line: `${PODMAN} ps` }, undefined),
    row(
      "`rm` of a container that is stopped, against podman",
      { name: "varve", line: `${VARVE} rm two`, before: made("varve") },
      { name: "podman", line: `${PODMAN} rm two`, before: made("podman") },
      undefined,
    ),
  ];
  shell(`${VARVE} rm -f --forget one; ${PODMAN} rm -f -t 0 one`);
  return rows;
}

/** By the user that scripts/prepare-machine.mjs makes for the tests; without that no row. */
function rootless(): readonly Row[] {
  const user = ordinaryUser();
  if (user === undefined) return [];
  const home = at("home");
  shell(
    `mkdir -p ${home}/run && chmod 755 ${folder} && chown -R ${user.uid}:${user.gid} ${home} && tar -C ${at("root")} -cf ${at("root.tar")} .`,
  );
  const before = `${asUser(user).join(" ")} env -C ${home} HOME=${home} XDG_RUNTIME_DIR=${home}/run`;
  const varve = `${before} ${PROGRAM} --store ${home}/store`;
  const podman = `${before} podman --root ${home}/podman --runroot ${home}/podman-run --cgroup-manager=cgroupfs --runtime runc`;
  shell(`${varve} -q import ${at("root")} -b base -m base && ${podman} import -q ${at("root.tar")} small`);
  const rows = [
    row(
      "an ordinary user's `run --rm --network none REV -- true`, against an ordinary user's podman",
      { name: "varve", line: `${varve} run --rm --network none base -- true` },
      { name: "podman", line: `${podman} run --rm ${THEIR_RUN} small /usr/bin/true` },
      undefined,
    ),
  ];
  shell(`${podman} rmi -f -a; ${before} podman unshare rm -rf ${home}/podman`);
  return rows;
}

const PARALLEL = (line: string): string => `sh -c 'for n in $(seq ${MANY}); do ${line} & done; wait'`;

function many(): readonly Row[] {
  const clear = (program: string): (() => void) => {
    const line = program === "varve" ? `${VARVE} rm -f --forget $(${VARVE} ps -aq)` : `${PODMAN} rm -f -t 0 -a`;
    return () => void shell(line);
  };
  const starting = row(
    `${MANY} containers started at once in the background (\`run -d\`), against podman`,
    { name: "varve", line: PARALLEL(`${VARVE} run -d base -- sleep 3600`), after: clear("varve") },
    { name: "podman", line: PARALLEL(`${PODMAN} run -d ${THEIR_RUN} small /usr/bin/sleep 3600`), after: clear("podman") },
    undefined,
    options.quick ? 1 : 3,
  );
  return [starting, ...memory(clear)];
}

/** Each of them has read 100 MB of its base. */
function memory(clear: (program: string) => () => void): readonly Row[] {
  const used = (program: string): { readonly cached: number; readonly processes: number } => {
    shell("sync; echo 3 > /proc/sys/vm/drop_caches");
    const before = cachedBytes();
    const script = "cat /data/* > /dev/null; sleep 3600";
    const start = program === "varve" ? `${VARVE} run -d base -- sh -c` : `${PODMAN} run -d ${THEIR_RUN} small /usr/bin/sh -c`;
    for (let number = 0; number < MANY; number += 1) shell(`${start} '${script}'`);
    shell("sleep 3");
    const found = { cached: cachedBytes() - before, processes: supervisorBytes() };
    clear(program)();
    return found;
  };
  const [ours, rival] = [used("varve"), used("podman")];
  const memoryRow = (what: string, our: number, their: number): Row => ({
    what,
    ours: `${(our / 1e6).toFixed(0)} MB`,
    rival: `${(their / 1e6).toFixed(0)} MB`,
    result: `${(our / their).toFixed(2)} ×`,
    goal: "–",
    isMet: undefined,
  });
  return [
    memoryRow(
      `page cache of ${MANY} containers on one base that have read the same 100 MB of it, against podman`,
      ours.cached,
      rival.cached,
    ),
    memoryRow(`memory of what keeps them (conmon), against podman`, ours.processes, rival.processes),
  ];
}

function cachedBytes(): number {
  return Number(/^Cached:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) * 1024;
}

/** Proportional, so that the program's own pages count once. */
function supervisorBytes(): number {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("conmon")) return 0;
        return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) * 1024;
      } catch {
        return 0;
      }
    })
    .reduce((sum, bytes) => sum + bytes, 0);
}

try {
  makeRoots();
  const rows = [...single(), ...besideOne(), ...rootless(), ...many()];
  process.stdout.write(`\n${tableOf(rows)}\n`);
  if (!options.quick) writeReport("docs/benchmarks.md", "Containers", rows, folder);
} finally {
  spawnSync(
    "sh",
    [
      "-c",
      `${VARVE} rm -f --forget $(${VARVE} ps -aq); ${PODMAN} rm -f -t 0 -a; ${PODMAN} rmi -f -a; umount -l ${at("podman/overlay")}`,
    ],
    {
      stdio: "ignore",
    },
  );
  servers.stop();
  rmSync(folder, { recursive: true, force: true });
}
