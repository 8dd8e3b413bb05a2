// What containers on one base read from the disk: node build/bench/page-cache.js [--quick] [--directory DIR]. As root, on a disk; takes 600 MB there.
// Writes a section of docs/benchmarks.md. --quick takes 20 MB in place of 200, and writes nothing.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const MEGABYTES = options.quick ? 20 : 200;
const SECTOR_BYTES = 512;
/** Fields of a disk's stat file: Documentation/block/stat.rst of Linux. */
const READ_SECTORS = 2;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-cache-"));
const at = (name: string): string => path.join(folder, name);
const environment = benchEnvironment();
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

makeRoot();
const rows = [sharedRead("at depth 1", "base"), sharedRead("at depth 10, in its stack of layers", deeper("base", 9))];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Page cache", rows, folder);

function makeRoot(): void {
  shell(`node -e 'import("${path.resolve("scripts/demo/small-root.mjs")}").then((m) => m.makeSmallRoot("${at("root")}"))'`);
  mkdirSync(at("root/data"));
  for (let number = 0; number < 20; number += 1) {
    shell(`head -c ${(MEGABYTES / 20) * 1_000_000} /dev/urandom > ${at(`root/data/file-${number}`)}`);
  }
  shell(`varve --store ${at("store")} --quiet import ${at("root")} -b base -m base`);
}

/** @returns The revision of a chain that is longer by small layers. */
function deeper(branch: string, commits: number): string {
  for (let number = 0; number < commits; number += 1) {
    writeFileSync(at(`root/change-${number}`), `${number}\n`);
    shell(`varve --store ${at("store")} --quiet import ${at("root")} -b ${branch} -m ${number}`);
  }
  return branch;
}

/** Two containers, one after the other, each in a mount namespace of its own, read the same files. */
function sharedRead(where: string, revision: string): Row {
  process.stderr.write(`bench: two containers ${where}\n`);
  shell("sync; echo 3 > /proc/sys/vm/drop_caches");
  const [first, second] = [bytesReadBy(revision), bytesReadBy(revision)];
  const share = second / first;
  return {
    what: `bytes that a second container on one base reads from the disk, against the first (rival), ${where}`,
    ours: megabytes(second),
    rival: megabytes(first),
    result: `${(share * 100).toFixed(1)} %`,
    goal: "≤ 2 %",
    isMet: first >= MEGABYTES * 1e6 && share <= 0.02,
  };
}

function bytesReadBy(revision: string): number {
  const before = sectorsRead();
  shell(`varve --store ${at("store")} run --rm ${revision} -- /bin/sh -c 'cat /data/* > /dev/null'`);
  return (sectorsRead() - before) * SECTOR_BYTES;
}

function sectorsRead(): number {
  const { dev } = statSync(folder);
  // As makedev(3) packs it.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/stat`, "utf8").trim().split(/\s+/)[READ_SECTORS]);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function benchEnvironment(): NodeJS.ProcessEnv {
  mkdirSync(at("bin"));
  chmodSync(folder, 0o755);
  shell(`ln -s ${path.resolve("dist/varve.js")} ${at("bin/varve")}`, process.env);
  return { PATH: `${at("bin")}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, HOME: folder, LC_ALL: "C" };
}

function shell(line: string, env: NodeJS.ProcessEnv = environment): void {
  const { status, stderr } = spawnSync("sh", ["-c", line], { env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new TypeError(`\`${line}\` ended with status ${status}: ${stderr}`);
}
