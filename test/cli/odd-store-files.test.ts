import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { patch } from "../helpers/filled-store.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { testIf } from "../helpers/requirements.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

/** What a command may take on a busy machine: one that waits for a FIFO takes for ever. */
const SECONDS = 60;
const BLOCK_BYTES = 4096;

interface Site {
  readonly home: string;
  readonly cwd: string;
  readonly store: string;
  readonly call: (...words: readonly string[]) => SpawnSyncReturns<string>;
}

let template: string;

test.before((t) => {
  const home = (template = mkdtempSync(path.join(os.tmpdir(), "varve-odd-")));
  const cwd = path.join(home, "tracked");
  mkdirSync(cwd);
  t.is(varve(["init"], { cwd, home }).status, 0);
  for (const text of ["first", "second"]) {
    writeFileSync(path.join(cwd, "file"), text.repeat(5000));
    t.is(varve(["commit", "-m", text], { cwd, home }).status, 0);
  }
  writeFileSync(path.join(cwd, "file"), "not committed");
});

test.after.always(() => rmSync(template, { recursive: true, force: true }));

function site(t: ExecutionContext): Site {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "tracked");
  cpSync(path.join(template, "tracked"), cwd, { recursive: true, preserveTimestamps: true });
  const call = (...words: readonly string[]): SpawnSyncReturns<string> => varve(words, { cwd, home, seconds: SECONDS });
  return { home, cwd, store: path.join(cwd, ".varve"), call };
}

const ODD: readonly (readonly [what: string, make: (file: string) => void])[] = [
  ["a FIFO", (file) => execFileSync("mkfifo", [file])],
  ["a link to a device", (file) => symlinkSync("/dev/zero", file)],
  ["a directory", (file) => mkdirSync(file)],
];

/** Files that varve reads, and whether all goes on without them. */
const FILES: readonly (readonly [file: string, isDerived: boolean])[] = [
  ["views/proofs", true],
  ["worktree/index", true],
  ["git/config", true],
  ["operations/log", false],
  ["operations/horizon", true],
  ["git/HEAD", false],
  ["git/refs/heads/main", false],
  ["git/packed-refs", false],
  ["git/logs/HEAD", false],
  ["git/logs/refs/heads/main", false],
  ["format", false],
  ["lock", false],
];

const CALLS: readonly (readonly string[])[] = [
  ["status"],
  ["log"],
  ["fsck"],
  ["gc", "--dry-run"],
  ["commit", "-m", "third"],
  ["undo"],
];

for (const [file, isDerived] of FILES) {
  for (const [what, make] of ODD) {
    test(`${what} in the place of ${file} makes no command hang, and is ${isDerived ? "passed over" : "told"}`, (t) => {
      const { store, call } = site(t);
      rmSync(path.join(store, file), { recursive: true, force: true });
      make(path.join(store, file));
      let told = false;
      for (const words of CALLS) {
        const { status, signal, stderr } = call(...words);
        t.is(signal, null, `${words.join(" ")} hangs`);
        t.notRegex(stderr, /Cannot go on|\n {4}at /, words.join(" "));
        if (status !== 0 && words[0] !== "fsck") told = true;
        // fsck tells of a cache, too.
        if (isDerived && words[0] !== "fsck") t.is(status, 0, `${words.join(" ")}: ${stderr}`);
      }
      t.is(told, !isDerived);
    });
  }
}

test("a branch whose file is lost is told with what puts it back, and begins no new history", (t) => {
  const { cwd, store, call } = site(t);
  const id = readFileSync(path.join(store, "git/refs/heads/main"), "utf8").trim();
  rmSync(path.join(store, "git/refs/heads/main"));
  for (const words of [["commit", "-m", "x"], ["status"], ["rollback"], ["log"], ["gc"]]) {
    const { status, stderr } = call(...words);
    t.is(status, 14, words.join(" "));
    t.regex(stderr, /refs\/heads\/main/);
  }
  t.regex(call("fsck").stdout, /ref refs\/heads\/main: .* it is missing, though its log says where it stands/);
  const [, put = ""] = /hint: Put it back: (.*)\n/.exec(call("status").stderr) ?? [];
  t.true(put.endsWith(id));
  execFileSync("sh", ["-c", put], { cwd });
  t.is(call("fsck").status, 0);
  t.is(call("commit", "-m", "third").status, 0);
  t.is(call("log", "--oneline").stdout.trim().split("\n").length, 3);
});

test("a branch that was deleted, by varve or by git, is no lost one", (t) => {
  const { store, call } = site(t);
  t.is(call("branch", "other").status, 0);
  t.is(call("branch", "-D", "other").status, 0);
  t.is(call("branch", "other").status, 0);
  execFileSync("git", ["--git-dir", path.join(store, "git"), "branch", "-q", "-D", "other"]);
  t.is(call("fsck").status, 0);
  t.is(call("branch", "other").status, 0);
});

test("a commit whose stat index can't be written is made all the same", (t) => {
  const { store, call } = site(t);
  rmSync(path.join(store, "worktree"), { recursive: true });
  writeFileSync(path.join(store, "worktree"), "a file");
  t.is(call("commit", "-m", "third").status, 0);
  t.true(call("status").stdout.includes("Nothing has changed"));
  t.is(call("rollback", "HEAD~1").status, 0);
});

test("fsck that may open too few files says so, and calls nothing damaged", (t) => {
  const { home, cwd, call } = site(t);
  for (let number = 0; number < 14; number += 1) {
    writeFileSync(path.join(cwd, `file-${number}`), "text");
    t.is(call("commit", "-m", `${number}`).status, 0);
  }
  for (const files of [24, 28, 30]) {
    const line = `ulimit -n ${files}; exec ${process.execPath} ${BUILT_COMMAND} fsck --repair`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { cwd, env: environmentWithVarve(home), encoding: "utf8" });
    t.is(status, 52, stdout + stderr);
    t.regex(stderr, /too many open files/);
  }
  t.is(call("fsck").status, 0);
});

test("fsck --repair fetches damaged contents from the tracked directory, where they stand unchanged", (t) => {
  const { cwd, store, call } = site(t);
  writeFileSync(path.join(cwd, "large"), Buffer.alloc(100_000, "content of its own "));
  t.is(call("commit", "-m", "third").status, 0);
  const layers = path.join(store, "layers/sha256");
  const { layer } = JSON.parse(call("show", "--json").stdout) as { layer: string };
  patch(path.join(layers, layer), 5 * BLOCK_BYTES + 7);
  t.is(call("fsck").status, 15);
  const { status, stdout } = call("fsck", "--repair");
  t.is(status, 0, stdout);
  t.is(call("fsck").status, 0);
  t.deepEqual(readdirSync(path.join(store, "quarantine")), [layer]);

  // Where the file has changed meanwhile the layer goes to quarantine.
  patch(path.join(layers, layer), 5 * BLOCK_BYTES + 7);
  writeFileSync(path.join(cwd, "large"), "changed");
  t.is(call("fsck", "--repair").status, 15);
  t.is(lstatSync(path.join(layers, layer), { throwIfNoEntry: false }), undefined);
  // As told: put back.
  copyFileSync(path.join(store, "quarantine", layer), path.join(layers, layer));
  chmodSync(path.join(layers, layer), 0o400);
});

testIf("root")("a destination where nothing can be made is refused at once", (t) => {
  const { call } = site(t);
  for (const words of [
    ["checkout", "HEAD", "/proc/x/y"],
    ["init", "/proc/x"],
    ["--store", "/proc/y", "import", ".", "-b", "q"],
    ["checkout", "HEAD", "/proc/sys/y"],
  ]) {
    const { status, signal, stderr } = call(...words);
    t.is(signal, null, `${words.join(" ")} hangs`);
    t.true([22, 50, 52].includes(status ?? 0), stderr);
    t.regex(stderr, /^varve: error: Cannot /);
  }
});

/** What stands in a container's directory, changed by who may write there. */
const CONTAINERS: readonly (readonly [what: string, change: (directory: string) => void])[] = [
  ["whose record has another configuration", (directory) => edit(directory, (record) => (record["configuration"] = 7))],
  ["whose name is a path", (directory) => edit(directory, (record) => (record["name"] = "../../x"))],
  ["under another's id", (directory) => cpSync(directory, directory.replace(/.{12}$/, "0123456789ab"), { recursive: true })],
  ["whose upper directory is missing", (directory) => rmSync(path.join(directory, "upper.1"), { recursive: true })],
  [
    "whose upper directory is a link",
    (directory) => {
      rmSync(path.join(directory, "upper.1"), { recursive: true });
      symlinkSync(mkdtempSync(path.join(directory, "elsewhere-")), path.join(directory, "upper.1"));
    },
  ],
  ["whose record is a FIFO", (directory) => replaceByFifo(path.join(directory, "container.json"))],
];

function edit(directory: string, change: (record: Record<string, unknown>) => void): void {
  const file = path.join(directory, "container.json");
  const record = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  change(record);
  writeFileSync(file, JSON.stringify(record));
}

function replaceByFifo(file: string): void {
  rmSync(file);
  execFileSync("mkfifo", [file]);
}

for (const [what, change] of CONTAINERS) {
  testIf(
    "oci-runtime",
    "erofs",
    "overlay",
  )(`a container ${what} is refused, and fsck tells of it`, (t) => {
    const { home, store: tracked, call } = site(t);
    execFileSync("make-small-root", [path.join(home, "root")], { env: environmentWithVarve(home) });
    t.is(call("import", path.join(home, "root"), "-b", "base").status, 0);
    t.is(call("run", "--name", "web", "base", "--", "true").status, 0);
    const [id = ""] = readdirSync(path.join(tracked, "containers")).filter((name) => /^[0-9a-f]{12}$/.test(name));
    const directory = path.join(tracked, "containers", id);
    change(directory);
    for (const words of [["status", "web"], ["start", "web"], ["fsck"]]) {
      const { status, signal, stdout, stderr } = call(...words);
      t.is(signal, null, `${words.join(" ")} hangs`);
      t.true([14, 24, 125].includes(status ?? 0), `${words.join(" ")}: ${status} ${stdout}${stderr}`);
    }
    for (const name of readdirSync(directory).filter((each) => each.startsWith("elsewhere-"))) {
      t.deepEqual(readdirSync(path.join(directory, name)), [], "nothing was written through the link");
    }
  });
}
