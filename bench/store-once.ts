// What changes of a real root cost in bytes: node build/bench/store-once.js [--quick] [--directory DIR]. As root; takes 4 GB there.
// Writes a section of docs/benchmarks.md. --quick takes /usr/share/doc alone, and writes nothing.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const SHARE = options.quick ? "/usr/share/doc" : "/usr/share";
const KILOBYTE = 1e3;
const MEBIBYTE = 1 << 20;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-once-"));
const at = (name: string): string => path.join(folder, name);
const environment = benchEnvironment();
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

interface Change {
  readonly what: string;
  /** For `sh` in a container on `base`, or in a tracked directory. */
  readonly command: string;
  /** Bytes that the commit may store at most. */
  readonly most: number;
  /** As people write it. */
  readonly goal: string;
  /** What the container stands on; by default `base`. */
  readonly on?: string;
  /** The branch that is left afterwards. */
  readonly as?: string;
}

const LITTLE = { most: 10 * KILOBYTE, goal: "< 10 kB" };
const REWRITE =
  "touch -r /data/big /dev/shm/t; dd if=/data/big of=/data/big bs=1M conv=notrunc status=none; touch -r /dev/shm/t /data/big";
const EDIT = "printf X | dd of=/data/big bs=1 seek=100000000 conv=notrunc status=none";

function inContainers(files: number): readonly Change[] {
  const metadata = (bytes: number): Pick<Change, "most" | "goal"> => ({ most: bytes * files, goal: `≤ ${bytes} bytes a file` });
  return [
    { what: `\`chown -R\` of ${SHARE}, ${files} files`, command: "chown -R 7:7 /data/share", ...metadata(200), as: "owned" },
    { what: "`chmod` of a file of 200 MB", command: "chmod 600 /data/big", ...LITTLE },
    { what: "`touch` of it", command: "touch /data/big", ...LITTLE },
    { what: "`mv` of it", command: "mkdir /other; mv /data/big /other/name", ...LITTLE },
    { what: "`cp` of it", command: "cp /data/big /data/copy", ...LITTLE },
    { what: "one byte in its middle", command: EDIT, most: 200 * KILOBYTE, goal: "< 200 kB", as: "edited" },
    { what: "`chmod` of it then", command: "chmod 600 /data/big", ...LITTLE, on: "edited" },
    { what: "`cp` of it then", command: "cp /data/big /data/copy", most: 128 * KILOBYTE, goal: "< 128 kB", on: "edited" },
    { what: "it rewritten, equal, with its time", command: REWRITE, most: 0, goal: "nothing" },
    { what: "it rewritten, equal", command: "cp /data/big /n; mv /n /data/big", ...LITTLE },
    {
      what: "1 MiB appended to a file of 1 GiB",
      command: "head -c 1048576 /dev/urandom >> /data/huge",
      most: 1.3 * MEBIBYTE,
      goal: "< 1.3 MiB",
    },
    { what: `\`mv\` of ${SHARE}`, command: "mkdir /other; mv /data/share /other", ...metadata(300) },
    { what: "the `chown -R` again, on another branch", command: "chown -R 7:7 /data/share", most: 0, goal: "nothing" },
  ];
}

function inDirectories(files: number): readonly Change[] {
  const metadata = { most: 300 * files, goal: "≤ 300 bytes a file" };
  return [
    { what: "`mv` of the tracked directory's copy of it", command: "mv share moved", ...metadata },
    { what: "`cp -a` of that", command: "cp -a moved copied", ...metadata },
    { what: "`chown -R` of that", command: "chown -R 7:7 copied", ...metadata },
    { what: "back to the first commit, and committed", command: "varve rollback HEAD~3", most: 0, goal: "nothing" },
  ];
}

makeRoot();
const rows = [...containerRows(), ...directoryRows(), ...branchRows()];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Stored once", rows, folder);

/** This machine's own programs and /usr/share, and two large files. */
function makeRoot(): void {
  say("making a root");
  shell(`node -e 'import("${path.resolve("scripts/demo/small-root.mjs")}").then((m) => m.makeSmallRoot("${at("root")}"))'`);
  mkdirSync(at("root/data"));
  copyFileSync("/usr/bin/dd", at("root/usr/bin/dd"));
  shell(`cp -a ${SHARE} ${at("root/data/share")}`);
  shell(`cd ${at("root/data")} && head -c 200000000 /dev/urandom > big && head -c 1073741824 /dev/urandom > huge`);
  shell(`varve --store ${at("store")} init`);
  varve("import", at("root"), "-b", "base", "-m", "base");
}

function containerRows(): Row[] {
  return inContainers(filesIn(at("root/data/share"))).map((change) => {
    const { what, command, on = "base", as } = change;
    say(what);
    varve("run", "--name", "box", "-b", as ?? "passing", on, "--", "/bin/sh", "-c", `'${command}'`);
    const before = storeBytes();
    varve("commit", "box", "-m", "change");
    const bytes = storeBytes() - before;
    varve("rm", "box");
    // One without a commit of its own has gone with its container.
    if (as === undefined) shell(`varve --store ${at("store")} --quiet branch -D passing || true`);
    return rowOf(change, bytes);
  });
}

function directoryRows(): Row[] {
  const files = filesIn(SHARE);
  mkdirSync(at("tracked"));
  shell(`cp -a ${SHARE} ${at("tracked/share")} && cd ${at("tracked")} && varve init && varve --quiet commit -m first`);
  return inDirectories(files).map((change) => {
    say(change.what);
    const before = storeBytes("tracked/.varve");
    shell(`cd ${at("tracked")} && ${change.command} && (varve --quiet commit -m change || [ $? = 1 ])`);
    return rowOf(change, storeBytes("tracked/.varve") - before);
  });
}

function branchRows(): Row[] {
  const same: Change = { what: "the root imported on another branch", command: "true", most: 0, goal: "nothing" };
  const short = Number(shell(`find ${at("root")} -type f -size -4096c -printf '%s\\n' | awk '{ sum += $1 } END { print sum }'`));
  const most = short + 250 * filesIn(at("root")) + MEBIBYTE;
  const changed: Change = {
    what: "the same with one file more",
    command: "head -c 1000000 /dev/urandom > root/new",
    most,
    goal: "that file, metadata, and files under 4 KiB",
  };
  return [same, changed].map((change, number) => {
    say(change.what);
    shell(`cd ${folder} && ${change.command}`);
    const before = storeBytes();
    varve("import", at("root"), "-b", `branch-${number}`, "-m", "again");
    return rowOf(change, storeBytes() - before);
  });
}

function rowOf({ what, most, goal }: Change, bytes: number): Row {
  return { what, ours: amount(bytes), rival: "", result: amount(bytes), goal, isMet: bytes <= most };
}

/** Bytes of disk that all layers take. */
function storeBytes(store = "store"): number {
  const layers = at(`${store}/layers/sha256`);
  return readdirSync(layers).reduce((sum, name) => sum + statSync(path.join(layers, name)).blocks * 512, 0);
}

function filesIn(directory: string): number {
  return Number(shell(`find ${directory} | wc -l`));
}

function amount(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(2)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} bytes`;
}

function benchEnvironment(): NodeJS.ProcessEnv {
  mkdirSync(at("bin"));
  chmodSync(folder, 0o755);
  shell(`ln -s ${path.resolve("dist/varve.js")} ${at("bin/varve")}`, process.env);
  const PATH = `${at("bin")}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  return { PATH, HOME: folder, LC_ALL: "C", GIT_CONFIG_SYSTEM: "/dev/null" };
}

/** A commit of nothing is no failure. */
function varve(...words: readonly string[]): void {
  shell(`varve --store ${at("store")} --quiet ${words.join(" ")} || [ $? = 1 ]`);
}

function shell(line: string, env: NodeJS.ProcessEnv = environment): string {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new TypeError(`\`${line}\` ended with status ${status}: ${stderr}`);
  return stdout;
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
