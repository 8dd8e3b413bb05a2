import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

interface Site {
  readonly cwd: string;
  readonly at: (name: string) => string;
  readonly call: (...words: readonly string[]) => SpawnSyncReturns<string>;
  /** Mounts a tmpfs on a place, with a file in it. */
  readonly mount: (name: string) => void;
  readonly unmount: (name: string) => void;
  readonly head: () => string;
}

/** A tracked directory with one commit: `file` and an empty `place`. */
function site(t: ExecutionContext): Site {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "tracked");
  const at = (name: string): string => path.join(cwd, name);
  mkdirSync(at("place"), { recursive: true });
  writeFileSync(at("file"), "first");
  const call = (...words: readonly string[]): SpawnSyncReturns<string> => varve(words, { cwd, home });
  const unmount = (name: string): void => void spawnSync("umount", ["--lazy", "--quiet", at(name)]);
  const mount = (name: string): void => {
    t.teardown(() => unmount(name));
    t.is(spawnSync("mount", ["-t", "tmpfs", "-o", "mode=700", "none", at(name)]).status, 0);
    writeFileSync(path.join(at(name), "mounted"), "mounted");
  };
  t.is(call("init").status, 0);
  t.is(call("commit", "-m", "first").status, 0);
  return { cwd, at, call, mount, unmount, head: () => readFileSync(at(".varve/git/refs/heads/main"), "utf8") };
}

testIf("mounts")("commit and import tell where something is mounted that they leave out", (t) => {
  const { at, call, mount } = site(t);
  mount("place");
  // The second time the stat index proves most of it to be unchanged.
  for (const number of [1, 2]) {
    writeFileSync(at("file"), `change ${number}`);
    const { stderr, stdout } = call("commit", "--json", "-m", "change");
    t.is(stderr, "varve: warning: what is mounted on /place is not in the commit\n");
    t.like(JSON.parse(stdout), { mounts: [{ path: "/place" }] });
  }
  const { stdout, stderr } = call("import", ".", "-b", "other", "--json");
  t.like(JSON.parse(stdout), { mounts: [{ path: "/place" }], ignored: 1 });
  t.regex(stderr, /^varve: warning: /);
  t.is(call("ls", "-r", "other").stdout, "file\nplace\n");
  t.is(call("status", "--json").stdout.includes("mounted"), false);
});

testIf("mounts")("rollback leaves alone what is mounted in the tree", (t) => {
  const { at, call, mount } = site(t);
  mount("place");
  writeFileSync(at("file"), "second");
  t.is(call("commit", "-m", "second").status, 0);
  t.is(call("rollback", "HEAD~1").status, 0);
  t.is(readFileSync(at("file"), "utf8"), "first");
  t.is(readFileSync(at("place/mounted"), "utf8"), "mounted");
  t.is(statSync(at("place")).mode & 0o777, 0o700, "it is the mounted root's");
});

const HINDERED: readonly (readonly [what: string, change: (at: Site["at"]) => void])[] = [
  ["has files", (at) => writeFileSync(at("place/file"), "hidden")],
  ["is not", (at) => rmSync(at("place"), { recursive: true })],
  [
    "is a file",
    (at) => {
      rmSync(at("place"), { recursive: true });
      writeFileSync(at("place"), "file");
    },
  ],
];

for (const [what, change] of HINDERED) {
  testIf("mounts")(`rollback, restore and undo refuse a commit where the place of a mount ${what}, and move nothing`, (t) => {
    const { at, call, mount, unmount, head } = site(t);
    change(at);
    t.is(call("commit", "-m", "other").status, 0);
    rmSync(at("place"), { recursive: true, force: true });
    mkdirSync(at("place"));
    t.is(call("commit", "-m", "as it was").status, 0);
    const before = head();
    mount("place");
    writeFileSync(at("file"), "not committed");
    for (const words of [
      ["rollback", "HEAD~1"],
      ["restore", "--source", "HEAD~1", "--", "place", "file"],
    ]) {
      const { status, stderr } = call(...words);
      t.is(status, 35, stderr);
      t.regex(stderr, /^varve: error: Cannot change "\/place": something is mounted on it.*\nvarve: hint: Unmount it/);
      t.is(readFileSync(at("file"), "utf8"), "not committed");
      t.is(head(), before);
    }
    unmount("place");
    t.is(call("rollback", "HEAD~1").status, 0);
    t.not(head(), before);
  });
}

testIf("immutable-files")("a rollback that fails half-way is taken back: tree, branch and log are as before", (t) => {
  const { at, call, head } = site(t);
  for (const name of ["a", "z"]) writeFileSync(at(name), "second");
  writeFileSync(at("file"), "second");
  t.is(call("commit", "-m", "second").status, 0);
  writeFileSync(at("a"), "not committed");
  const [before, files] = [head(), readdirSync(at("."))];
  t.teardown(() => spawnSync("chattr", ["-i", at("file")]));
  t.is(spawnSync("chattr", ["+i", at("file")]).status, 0);
  for (const words of [
    ["rollback", "HEAD~1"],
    ["restore", "--source", "HEAD~1", "--", "."],
  ]) {
    const { status, stderr } = call(...words);
    t.is(status, 50, stderr);
    t.is(head(), before);
    t.is(readFileSync(at("a"), "utf8"), "not committed");
    t.is(readFileSync(at("z"), "utf8"), "second");
    t.deepEqual(readdirSync(at(".")), files);
  }
  spawnSync("chattr", ["-i", at("file")]);
  // What undo takes back is what came before.
  t.is(call("undo").stdout.replace(/ \(of .*/, ""), "");
  t.regex(call("log", "--oneline").stdout, /^[0-9a-f]{10} \(HEAD → main\) first\n$/);
});

testIf("root")("stores of varve in a tree are no part of it, and a rollback leaves them alone", (t) => {
  const { at, call } = site(t);
  const inner = at("inner");
  mkdirSync(inner);
  writeFileSync(path.join(inner, "file"), "inner");
  t.is(call("init", inner).status, 0);
  t.is(call("commit", inner, "-m", "inner first").status, 0);
  const { stdout } = call("commit", "--json", "-m", "outer");
  t.like(JSON.parse(stdout), { added: 2, ignored: 1 });
  t.is(call("status").stdout.includes("Nothing has changed"), true);
  writeFileSync(path.join(inner, "file"), "inner second");
  t.is(call("commit", inner, "-m", "inner second").status, 0);
  t.is(call("rollback").status, 0);
  t.is(readFileSync(path.join(inner, "file"), "utf8"), "inner");
  t.is(call("log", "--oneline", inner).stdout.trim().split("\n").length, 2);
  t.is(call("rollback", "HEAD~1").status, 0);
  t.true(existsSync(path.join(inner, ".varve/format")));
});

testIf("root")("a store that stands in what is imported to it is left out", (t) => {
  const { at, call } = site(t);
  const { stdout, stderr } = call("--store", at("store"), "import", ".", "-b", "all", "--json");
  t.like(JSON.parse(stdout), { added: 2, ignored: 2 }, stderr);
  t.is(call("--store", at("store"), "ls", "-r", "all").stdout, "file\nplace\n");
  mkdirSync(at("place/.varve"));
  writeFileSync(at("place/.varve/file"), "a directory of that name that is no store");
  t.is(call("commit", "-m", "kept").status, 0);
  t.true(call("ls", "-r", "HEAD").stdout.includes("place/.varve/file"));
});
