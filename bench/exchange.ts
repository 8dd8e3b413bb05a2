// What images cost to take in and to give out, beside podman and docker on the same image, and beside the floor, gzip alone:
// node build/bench/exchange.js [--quick] [--only-in]. As root, with podman, docker's daemon and docker-registry. Writes two sections of
// docs/benchmarks.md; --quick takes a small image and one round, and writes nothing, --only-in leaves the second one out.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { LocalServers } from "./local-servers.js";
import { compare, peakMemory, type Contender } from "./measure.js";
import { tableOf, writeReport, type Row, type Section } from "./report.js";

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, "only-in": { type: "boolean", default: false } },
});
const ROUNDS = options.quick ? 1 : 3;
const LAYERS = 10;
/** Of this machine's own files, in each layer. All ten take about 1 GB when they are compressed. */
const LAYER_BYTES = options.quick ? 5e6 : 260e6;
const SOURCES = ["/usr/lib", "/usr/share", "/usr/bin", "/usr/local"];

const folder = mkdtempSync(path.join(tmpdir(), "varve-bench-exchange-"));
const at = (name: string): string => path.join(folder, name);
const ADDRESS = "127.0.0.1:5391";
const IMAGE = `${ADDRESS}/bench/image:1`;
const PROGRAM = path.resolve("dist/varve.js");
const varve = (store: string): string => `${PROGRAM} -q --store ${at(store)}`;
const podman = (root: string): string => `podman --root ${at(root)} --runroot ${at(`${root}-run`)} --cgroup-manager=cgroupfs`;
const { VARVE_STORE: _, ...environment } = process.env;

function shell(line: string): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { env: environment, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new TypeError(`\`${line}\` ended with status ${status}: ${stderr}`);
  return stdout;
}

const servers = new LocalServers(environment);
let docker = "";

function startServers(): void {
  const configuration = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: at("registry") }, delete: { enabled: true } },
    http: { addr: ADDRESS, secret: "of the benchmark" },
  };
  writeFileSync(at("registry.json"), JSON.stringify(configuration));
  servers.start("docker-registry", ["serve", at("registry.json")], `curl -sf http://${ADDRESS}/v2/`);
  docker = servers.startDocker(folder);
}

/** Files in the order of their names until a layer is full: a list for tar of each. */
function* partsOfMachine(): Generator<string> {
  let [names, bytes] = [[] as string[], 0];
  for (const source of SOURCES) {
    for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      names.push(file.slice(1));
      bytes += statSync(file).size;
      if (bytes < LAYER_BYTES) continue;
      yield names.join("\n");
      [names, bytes] = [[], 0];
    }
  }
}

/** An image of ten layers with gzip, in an archive that docker and podman take, and in the registry. */
function makeImage(): void {
  mkdirSync(at("root"));
  const parts = partsOfMachine();
  for (let layer = 1; layer <= LAYERS; layer += 1) {
    const part = parts.next();
    if (part.done === true) throw new TypeError(`This machine has too few files for ${LAYERS} layers`);
    writeFileSync(at("names"), part.value);
    shell(`tar -C / -c -T ${at("names")} | tar -C ${at("root")} -x`);
    shell(`${varve("made")} import ${at("root")} -b image -m ${layer}`);
  }
  shell(`${varve("made")} push --no-history image ${IMAGE}`);
  // Compressed layers that are kept go out as they came in; of so large an image they are not without being asked.
  shell(`${varve("pulled")} pull --keep-blobs always ${IMAGE} && ${varve("pulled")} save ${IMAGE} -o ${at("image.tar")}`);
  rmSync(at("root"), { recursive: true });
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

function row(what: string, ours: Contender, rival: Contender, limit?: number): Row {
  process.stderr.write(`bench: ${what}, against ${rival.name}\n`);
  const timing = compare({ ours, rival, rounds: ROUNDS, warmUp: false }, environment);
  return {
    what: `${what}, against ${rival.name}`,
    ours: seconds(timing.ourMilliseconds),
    rival: seconds(timing.rivalMilliseconds),
    result: `${timing.ratio.toFixed(2)} ×`,
    goal: limit === undefined ? "–" : `≤ ${limit} ×`,
    isMet: limit === undefined ? undefined : timing.ratio <= limit,
  };
}

const emptyStore = (): void => rmSync(at("fresh"), { recursive: true, force: true });
const emptyPodman = (): void => void shell(`${podman("podman-fresh")} rmi -f -a`);
const emptyDocker = (): void => void shell(`${docker} image prune -a -f`);

function loads(): readonly Row[] {
  const ours: Contender = { name: "varve", line: `${varve("fresh")} load -i ${at("image.tar")}`, before: emptyStore };
  const gunzip = `sh -c 'tar -xOf ${at("image.tar")} ${shell(`tar -tf ${at("image.tar")}`)
    .trim()
    .split("\n")
    .filter(isLayer)
    .join(" ")} | gzip -dc'`;
  const what = `\`load\` of an archive of ${(statSync(at("image.tar")).size / 1e9).toFixed(2)} GB, ten layers with gzip`;
  return [
    row(what, ours, { name: "podman", line: `${podman("podman-fresh")} load -i ${at("image.tar")}`, before: emptyPodman }, 0.5),
    row(what, ours, { name: "docker", line: `${docker} load -i ${at("image.tar")}`, before: emptyDocker }, 0.5),
    row(what, ours, { name: "gunzip alone", line: gunzip }),
    memory("it", ours),
  ];
}

const isLayer = (name: string): boolean =>
  Number(
    shell(`tar -tvf ${at("image.tar")} ${name}`)
      .trim()
      .split(/\s+/)[2],
  ) > 100_000;

function memory(of: string, ours: Contender): Row {
  process.stderr.write(`bench: peak memory of ${of}\n`);
  const bytes = peakMemory({ ...ours, line: `node ${ours.line}` }, environment, at("peak"));
  const result = `${(bytes / 1e6).toFixed(0)} MB`;
  return { what: `peak memory of ${of}`, ours: result, rival: "", result, goal: "< 200 MB", isMet: bytes < 200e6 };
}

function transfers(): readonly Row[] {
  shell(`${podman("podman")} load -q -i ${at("image.tar")} && ${docker} load -q -i ${at("image.tar")}`);
  const clear = (): void => void shell(`rm -rf ${at("registry")}/docker ${at("out.tar")}`);
  // What the store remembers of what went out, so that each round is the first one.
  const forget = (): void => {
    clear();
    for (const part of ["views/sent", "blobs/sha256"]) rmSync(at(`made/${part}`), { recursive: true, force: true });
  };
  const name = shell(`${podman("podman")} images -q | head -n 1`).trim();
  const pushed = (tag: string): string => `${ADDRESS}/bench/pushed:${tag}`;
  const save = { name: "varve", line: `${varve("made")} save image -o ${at("out.tar")}`, before: forget };
  const push = { name: "varve", line: `${varve("made")} push --no-history image ${pushed("varve")}`, before: forget };
  const again = { ...push, before: clear };
  const whole = { name: "varve", line: `${varve("made")} push image ${pushed("varve")}`, before: forget };
  const pull = { name: "varve", line: `${varve("fresh")} pull ${IMAGE}`, before: emptyStore };
  shell(`${docker} tag ${IMAGE} ${pushed("docker")}`);
  const dockerPush = { name: "docker", line: `${docker} push -q ${pushed("docker")}`, before: clear };
  const rows = [
    row("`save` of it, ten commits", save, {
      name: "podman",
      line: `${podman("podman")} save -q --format docker-archive -o ${at("out.tar")} ${name}`,
      before: clear,
    }),
    row("`save` of it, ten commits", save, {
      name: "docker",
      line: `${docker} save -o ${at("out.tar")} ${IMAGE}`,
      before: clear,
    }),
    memory("it", save),
    row("the first `push` of it to a registry of this machine", push, {
      name: "podman",
      line: `${podman("podman")} push -q --tls-verify=false ${name} docker://${pushed("podman")}`,
      before: clear,
    }),
    row("the first `push` of it to a registry of this machine", push, dockerPush),
    memory("it", push),
    row("a later one, to a registry that has nothing of it", again, dockerPush),
    row("the first one with its history, for stores of varve", whole, dockerPush),
    memory("it", whole),
  ];
  clear();
  shell(`${varve("made")} push --no-history image ${IMAGE}`);
  return [
    ...rows,
    row("`pull` of it from there", pull, {
      name: "podman",
      line: `${podman("podman-fresh")} pull -q --tls-verify=false ${IMAGE}`,
      before: emptyPodman,
    }),
    row("`pull` of it from there", pull, { name: "docker", line: `${docker} pull -q ${IMAGE}`, before: emptyDocker }),
    memory("it", pull),
  ];
}

function report(title: Section, rows: readonly Row[]): void {
  process.stdout.write(`\n${tableOf(rows)}\n`);
  if (!options.quick) writeReport("docs/benchmarks.md", title, rows, folder);
}

try {
  startServers();
  makeImage();
  report("Images coming in", loads());
  if (!options["only-in"]) report("Images going out, and pulled", transfers());
} finally {
  servers.stop();
  spawnSync("sh", ["-c", `umount -l ${at("podman/overlay")} ${at("podman-fresh/overlay")} ${at("docker")}`], { stdio: "ignore" });
  rmSync(folder, { recursive: true, force: true });
}
