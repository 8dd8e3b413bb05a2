import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VERSION } from "../../cli/version.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

function trackedDirectory(t: ExecutionContext): { cwd: string; home: string } {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "site");
  mkdirSync(cwd);
  writeFileSync(path.join(cwd, "file"), "x");
  const place = { cwd, home };
  t.is(varve(["init"], place).status, 0);
  t.is(varve(["commit", "-m", "first"], place).status, 0);
  return place;
}

test("the version is package.json's", (t) => {
  const home = temporaryDirectory(t);
  t.is((JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version, VERSION);
  t.is(varve(["--version"], { cwd: home, home }).stdout, `varve ${VERSION}\n`);
});

for (const name of ["run", "history"]) {
  test(`varve ${name} --help needs no store, prints to stdout and exits with 0`, (t) => {
    const home = temporaryDirectory(t);
    const { status, stdout, stderr } = varve([name, "--help"], { cwd: home, home });
    t.deepEqual([status, stderr], [0, ""]);
    t.regex(stdout, /^varve (run|log) /);
  });
}

for (const name of ["run", "create", "try", "log"]) {
  test(`varve ${name} -h is its help`, (t) => {
    const home = temporaryDirectory(t);
    const help = varve([name, "--help"], { cwd: home, home }).stdout;
    t.is(varve([name, "-h"], { cwd: home, home }).stdout, help);
    t.is(varve(["--store", "x", name, "-h"], { cwd: home, home }).stdout, help);
    t.is(help.includes("-h, --help"), name === "log");
    t.is(help.includes("-h, --hostname NAME"), name !== "log");
  });
}

for (const [name, missing] of [
  ["run", "REV"],
  ["create", "REV"],
  ["try", "CMD"],
] as const) {
  test(`varve ${name} -h NAME is a host name as in docker, and prints no help`, (t) => {
    const home = temporaryDirectory(t);
    for (const [words, message] of [
      [["-h", "box"], `Cannot run varve ${name}: ${missing} is missing`],
      [["-ih", "box", "--tty"], `Cannot run varve ${name}: ${missing} is missing`],
      [["-i", "-h"], 'Cannot read "-h": it needs a value'],
    ] as const) {
      const { status, stdout, stderr } = varve([name, ...words], { cwd: home, home });
      t.not(status, 0);
      t.is(stdout, "");
      t.is(stderr.split("\n")[0], `varve: error: ${message}`);
    }
  });
}

test("varve alone prints its help to stderr and exits with 2", (t) => {
  const home = temporaryDirectory(t);
  const { status, stdout, stderr } = varve([], { cwd: home, home });
  t.deepEqual([status, stdout], [2, ""]);
  t.regex(stderr, /^varve \[--store DIR\]/);
});

test("options of all commands may stand before and after the command's name", (t) => {
  const { home, cwd } = trackedDirectory(t);
  const store = path.join(cwd, ".varve");
  const before = varve(["--store", store, "--json", "log"], { cwd: home, home });
  t.deepEqual(varve(["log", "--json", `--store=${store}`], { cwd: home, home }).stdout, before.stdout);
  t.is((JSON.parse(before.stdout) as unknown[]).length, 1);
});

test("--quiet says nothing where all goes well", (t) => {
  const { home, cwd } = trackedDirectory(t);
  for (const words of [
    ["-q", "-m", "second"],
    ["-qm", "third"],
    ["-m", "fourth", "--quiet"],
  ]) {
    writeFileSync(path.join(cwd, "other"), words.join(" "));
    const { status, stdout, stderr } = varve(["commit", ...words], { cwd, home });
    t.deepEqual([status, stdout, stderr], [0, "", ""]);
  }
});

const hostile: readonly (readonly [why: string, words: readonly string[]])[] = [
  ["a huge argument", ["log", "x".repeat(100_000)]],
  ["a huge option", [`--${"x".repeat(100_000)}`]],
  ["very many arguments", ["log", ...Array.from({ length: 5000 }, () => "x")]],
  ["names of Object.prototype", ["constructor"]],
  ["options of Object.prototype", ["log", "--__proto__", "x"]],
  ["a prototype in a value", ["log", "--number.__proto__.x=1"]],
  ["control characters", ["\u001b[2J\u0007\n"]],
  ["an empty word", [""]],
  ["an empty revision", ["log", ""]],
  ["dashes alone", ["---"]],
  ["only two dashes", ["--"]],
];

for (const [why, words] of hostile) {
  test(`${why} on the command line gives an error of ours, in a few lines without control characters`, (t) => {
    const { home, cwd } = trackedDirectory(t);
    const { status, stdout, stderr } = varve(words, { cwd, home });
    t.true(status === 2 || status === 20, `${status ?? ""} ${stderr.slice(0, 300)}`);
    t.is(stdout, "");

    t.notRegex(stderr, /[\u0000-\u0009\u000b-\u001f\u007f]/);
    if (words.join("") !== "--") t.regex(stderr, /^varve: error: Cannot /);
  });
}

test("VARVE_DEBUG shows where a failure was thrown", (t) => {
  const home = temporaryDirectory(t);
  t.regex(varve(["log"], { cwd: home, home, environment: { VARVE_DEBUG: "1" } }).stderr, /VarveError: .*\n\s+at /);
});

test("a reader that goes away ends a listing quietly with 141", (t) => {
  const { home, cwd } = trackedDirectory(t);
  for (let file = 0; file < 3000; file += 1) writeFileSync(path.join(cwd, `file-${file}-${"x".repeat(100)}`), "");
  const line = `"$0" ls @ | head -n 1 > /dev/null; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", line, BUILT_COMMAND], {
    cwd,
    env: environmentWithVarve(home),
    encoding: "utf8",
  });
  t.deepEqual([stdout, stderr], ["141\n", ""]);
});

test("a full disk for stdout is told", (t) => {
  const { home, cwd } = trackedDirectory(t);
  const line = `"$0" log > /dev/full`;
  const { status, stderr } = spawnSync("bash", ["-c", line, BUILT_COMMAND], {
    cwd,
    env: environmentWithVarve(home),
    encoding: "utf8",
  });
  t.is(status, 51);
  t.regex(stderr, /no space left on the device/);
});

test("closed stdout and stderr crash nothing", (t) => {
  const { home, cwd } = trackedDirectory(t);
  const line = `"$0" log >&-; echo $?; "$0" log nowhere 2>&-; echo $?`;
  const { stdout } = spawnSync("bash", ["-c", line, BUILT_COMMAND], { cwd, env: environmentWithVarve(home), encoding: "utf8" });
  t.deepEqual(stdout.trim().split("\n").at(-1), "20");
});

test("colour goes to terminals alone, and NO_COLOR switches it off", (t) => {
  const { home, cwd } = trackedDirectory(t);
  const onTerminal = (environment: NodeJS.ProcessEnv): string =>
    spawnSync("script", ["-qec", `${process.execPath} ${BUILT_COMMAND} --no-pager log`, "/dev/null"], {
      cwd,
      env: { ...environmentWithVarve(home), TERM: "xterm", NO_COLOR: "", ...environment },
      encoding: "utf8",
    }).stdout;
  t.true(onTerminal({}).includes("\u001b[33m"));
  t.false(onTerminal({ NO_COLOR: "1" }).includes("\u001b["));
  t.false(onTerminal({ TERM: "dumb" }).includes("\u001b["));
  t.false(varve(["log"], { cwd, home, environment: { NO_COLOR: "", TERM: "xterm" } }).stdout.includes("\u001b["));
});

test("export refuses to write an archive to a terminal", (t) => {
  const { home, cwd } = trackedDirectory(t);
  const { stdout } = spawnSync("script", ["-qec", `${process.execPath} ${BUILT_COMMAND} export HEAD`, "/dev/null"], {
    cwd,
    env: environmentWithVarve(home),
    encoding: "utf8",
  });
  t.regex(stdout, /^varve: error: Cannot write an archive to the terminal/);
});

testIf("root", "setpriv")("somebody else's store is refused with PERMISSION", (t) => {
  const { home, cwd } = trackedDirectory(t);
  chmodSync(home, 0o755);
  const line = ["--reuid=65534", "--regid=65534", "--clear-groups", "--", process.execPath, BUILT_COMMAND, "log"];
  const { status, stderr } = spawnSync("setpriv", line, { cwd, env: environmentWithVarve(home), encoding: "utf8" });
  t.is(status, 50, stderr);
  t.regex(stderr, /varve: hint: Run the command as the store's owner or as root\./);
});

testIf("root", "setpriv")(
  "checkout by a user who may not give files away names the path and another way, and writes nothing",
  (t) => {
    const { home, cwd } = trackedDirectory(t);
    execFileSync("chown", ["-R", "65534:65534", path.join(cwd, ".varve"), home]);
    chmodSync(path.join(cwd, "file"), 0o600);
    const line = ["--reuid=65534", "--regid=65534", "--clear-groups", "--", process.execPath, BUILT_COMMAND];
    const { status, stderr } = spawnSync("setpriv", [...line, "checkout", "HEAD", path.join(home, "copy")], {
      cwd,
      env: environmentWithVarve(home),
      encoding: "utf8",
    });
    t.is(status, 50, stderr);
    t.is(
      stderr,
      `varve: error: Cannot write the root of the tree: this user may not give it to user 0 and group 0, wanted root
varve: hint: Run the command as root. Nothing was changed. For a copy with all files your own, in an empty directory: varve export HEAD | tar -x
`,
    );
    t.false(existsSync(path.join(home, "copy")));
  },
);

testIf("mounts")("a store on a read-only filesystem can be read, and a commit fails with PERMISSION", (t) => {
  const { home, cwd } = trackedDirectory(t);
  writeFileSync(path.join(cwd, "other"), "x");
  const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && "$0" log --oneline && "$0" status && "$0" commit -m x`;
  const words = ["-m", "sh", "-c", script, BUILT_COMMAND, cwd];
  const { status, stdout, stderr } = spawnSync("unshare", words, { env: environmentWithVarve(home), encoding: "utf8" });
  t.is(status, 50, stderr);
  t.regex(stdout, / first\n/);
  t.regex(stdout, /A {2}\/other/);
});

test("diff and log load neither isomorphic-git nor what archives need", (t) => {
  const { home, cwd } = trackedDirectory(t);
  for (const words of [["log"], ["diff"], ["status"]]) {
    const coverage = path.join(home, `coverage-${words.join("-")}`);
    t.is(varve(words, { cwd, home, environment: { NODE_V8_COVERAGE: coverage } }).status, 0);
    const loaded = readdirSync(coverage, "utf8").flatMap((file) => scriptsIn(path.join(coverage, file)));
    t.true(loaded.some((url) => url.endsWith("/dist/varve.js")));
    t.deepEqual(
      loaded.filter((url) => /isomorphic-git|zstd|xz/.test(url)),
      [],
    );
  }
});

function scriptsIn(file: string): readonly string[] {
  return (JSON.parse(readFileSync(file, "utf8")) as { result: { url: string }[] }).result.map(({ url }) => url);
}

test("the command works through a symbolic link, as npm installs it", (t) => {
  const home = temporaryDirectory(t);
  const link = path.join(home, "linked");
  symlinkSync(BUILT_COMMAND, link);
  t.true(existsSync(link));
  t.is(spawnSync(link, ["--help"], { encoding: "utf8" }).status, 0);
});
