import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync, linkSync } from "node:fs";
import path from "node:path";
import { execFileSync } from "node:child_process";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

interface Checked {
  readonly holds: boolean;
  readonly looked: number;
  readonly rules: readonly {
    rule: string;
    holds: boolean;
    found: number;
    limit: number;
    paths: readonly { path: string; mode: string; bytes: number | null }[];
  }[];
}

interface Checkable {
  readonly at: (...names: string[]) => string;
  run(...words: string[]): ReturnType<typeof varve>;
  check(...words: string[]): Checked;
}

/** A tracked directory with one commit: a file `old` of 100 bytes that is setuid. */
function checkable(t: ExecutionContext): Checkable {
  const home = temporaryDirectory(t);
  const tracked = path.join(home, "tracked");
  mkdirSync(tracked);
  const at = (...names: string[]): string => path.join(tracked, ...names);
  const run = (...words: string[]) => varve(words, { cwd: tracked, home });
  const check = (...words: string[]) => JSON.parse(run("check", "--json", ...words).stdout) as Checked;
  run("init");
  writeFileSync(at("old"), "o".repeat(100));
  chmodSync(at("old"), 0o4755);
  t.is(run("commit", "-m", "first").status, 0);
  return { at, run, check };
}

testIf("root")("check looks at what a commit changed, and with --all at everything", (t) => {
  const { at, run, check } = checkable(t);
  writeFileSync(at("new"), "new");
  run("commit", "-m", "second");
  t.like(check("HEAD", "--forbid-setuid"), { holds: true, looked: 1 });
  const all = check("HEAD", "--forbid-setuid", "--all");
  t.false(all.holds);
  t.deepEqual(all.rules[0]?.paths, [{ path: "/old", mode: "4755", bytes: null }]);
  t.like(check("HEAD", "--against", "HEAD", "--forbid-setuid"), { holds: true, looked: 0 });
  t.like(check("HEAD~1", "--forbid-setuid"), { holds: false, looked: 1 }, "the first commit added all it holds");
  chmodSync(at("new"), 0o2755);
  t.like(check("@", "--forbid-setgid"), { holds: false });
  t.like(check("--forbid-setgid"), { holds: true }, "without a word HEAD, where it is not");
});

testIf("root")("check tells files by their modes: sticky directories, symlinks and setgid directories are fine", (t) => {
  const { at, run, check } = checkable(t);
  for (const [name, mode] of [
    ["tmp", 0o1777],
    ["open", 0o777],
    ["group", 0o2755],
  ] as const) {
    mkdirSync(at(name));
    chmodSync(at(name), mode);
  }
  symlinkSync("/", at("link"));
  writeFileSync(at("w"), "");
  chmodSync(at("w"), 0o666);
  const { rules } = check(
    "@",
    "--forbid-setuid",
    "--forbid-setgid",
    "--forbid-world-writable",
    "--forbid-devices",
    "--forbid-capabilities",
  );
  t.deepEqual(
    rules.map(({ rule, paths }) => [rule, paths.map(({ path }) => path)]),
    [
      ["setuid", []],
      ["setgid", []],
      ["capabilities", []],
      ["world-writable", ["/open", "/w"]],
      ["devices", []],
    ],
  );
  const said = run("check", "@", "--forbid-world-writable");
  t.is(said.status, 1);
  t.is(said.stdout, "world-writable: 2 paths, none allowed\n  /open  mode 0777\n  /w  mode 0666\n");
  t.is(said.stderr, "@ breaks 1 of 1 rule; 5 changed paths looked at.\n");
});

testIf("root")("check adds up the data of new files, holes left out and hard links once", (t) => {
  const { at, run, check } = checkable(t);
  writeFileSync(at("a"), "x".repeat(3000));
  linkSync(at("a"), at("b"));
  writeFileSync(at("hole"), "");
  truncateSync(at("hole"), 2 ** 30);
  chmodSync(at("old"), 0o755);
  const live = check("@", "--max-added", "2k");
  t.like(live.rules[0], { rule: "max-added", holds: false, found: 3000, limit: 2048 });
  t.deepEqual(
    live.rules[0]?.paths.map(({ path, bytes }) => [path, bytes]),
    [["/a", 3000]],
  );
  run("commit", "-m", "second");
  t.like(check("HEAD", "--max-added", "3000").rules[0], { holds: true, found: 3000 });
  t.like(check("HEAD", "--max-added", "0").rules[0], { holds: false });
  t.like(check("HEAD", "--max-size", "3100").rules[0], { holds: true, found: 3100 });
  t.like(check("HEAD", "--max-size", "3099").rules[0], { holds: false });
  t.like(check("HEAD", "--max-paths", "4").rules[0], { holds: false, found: 5 });
});

testIf("root")("check measures waste as du does", (t) => {
  const { at, run, check } = checkable(t);
  writeFileSync(at("big"), Buffer.alloc(100_000, "a"));
  run("commit", "-m", "big");
  writeFileSync(at("big"), Buffer.alloc(100_000, "b"));
  run("commit", "-m", "replaced");
  const { commits } = JSON.parse(run("du", "--json", "HEAD").stdout) as { commits: { efficiency: number }[] };
  const found = check("HEAD", "--max-waste", "5%").rules[0];
  t.like(found, { rule: "max-waste", holds: false, limit: 0.05 });
  t.true(Math.abs((found?.found ?? 0) - (1 - (commits[0]?.efficiency ?? 0))) < 1e-9);
  t.true(check("HEAD", "--max-waste", "60%").holds);
  t.is(run("check", "@", "--max-waste", "5%").status, 23);
});

testIf("root")("check refuses rules that it can't read, and none", (t) => {
  const { run } = checkable(t);
  t.is(run("check").status, 2);
  for (const words of [
    ["--max-added", "much"],
    ["--max-waste", "5"],
    ["--max-waste", "101%"],
    ["--max-paths", "0"],
    ["--max-size", "-1"],
  ])
    t.is(run("check", ...words).status, 2, words.join(" "));
  t.is(run("check", "nowhere", "--forbid-setuid").status, 20);
  t.is(run("check", "HEAD", "--against", "nowhere", "--forbid-setuid").status, 20);
});

testIf("root", "setcap")("check finds capabilities and device nodes", (t) => {
  const { at, check } = checkable(t);
  writeFileSync(at("ping"), "");
  execFileSync("setcap", ["cap_net_raw+ep", at("ping")]);
  execFileSync("mknod", [at("null"), "c", "1", "3"]);
  const { rules } = check("@", "--forbid-capabilities", "--forbid-devices");
  t.deepEqual(
    rules.map(({ paths }) => paths.map(({ path }) => path)),
    [["/ping"], ["/null"]],
  );
});
