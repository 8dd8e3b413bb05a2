import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { patch } from "../helpers/filled-store.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

const BLOCK_BYTES = 4096;

interface Site {
  readonly home: string;
  readonly cwd: string;
  readonly mount: string;
  readonly layers: string;
  readonly call: (...words: readonly string[]) => SpawnSyncReturns<string>;
}

/** A tracked directory, and a mount point beside it. */
function site(t: ExecutionContext): Site {
  const home = temporaryDirectory(t);
  const [cwd, mount] = [path.join(home, "tracked"), path.join(home, "a b,c:d")];
  for (const directory of [cwd, mount]) mkdirSync(directory);
  t.teardown(() => spawnSync("umount", ["--lazy", "--quiet", mount]));
  const call = (...words: readonly string[]): SpawnSyncReturns<string> => varve(words, { cwd, home });
  t.is(call("init").status, 0);
  return { home, cwd, mount, layers: path.join(cwd, ".varve/layers/sha256"), call };
}

function commit({ call }: Site, t: ExecutionContext): void {
  const { status, stderr } = call("commit", "-m", "change");
  t.is(status, 0, stderr);
}

/** As find(1) and sha256sum(1) see it. */
function listing(directory: string): string {
  // Of a directory that several layers have overlayfs counts no links.
  const find = `find . -path ./.varve -prune -o ! -name . -printf '%p %y %m %U %G %T@ %l' \\( -type d -printf '\\n' -o -printf ' %n\\n' \\) | sort`;
  const sums = `find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`;
  return execFileSync("sh", ["-c", `${find}; ${sums}`], { cwd: directory, encoding: "utf8" });
}

function mountsOf(place: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(path.basename(path.dirname(place))));
}

function fill({ cwd }: Site): void {
  writeFileSync(path.join(cwd, "big"), Buffer.alloc(300_000, "big "));
  writeFileSync(path.join(cwd, "gone"), "gone");
  mkdirSync(path.join(cwd, "folder"), { mode: 0o710 });
  writeFileSync(path.join(cwd, "folder/file"), "in a folder");
  linkSync(path.join(cwd, "big"), path.join(cwd, "folder/link"));
  symlinkSync("folder/file", path.join(cwd, "symlink"));
  execFileSync("chmod", ["4755", path.join(cwd, "folder/file")]);
}

testIf("erofs", "overlay")("mount shows the tree of a commit, umount takes it away, and nothing else is mounted", (t) => {
  const place = site(t);
  const { cwd, mount, call } = place;
  fill(place);
  commit(place, t);
  const first = listing(cwd);
  rmSync(path.join(cwd, "gone"));
  chmodSync(path.join(cwd, "big"), 0o600);
  rmSync(path.join(cwd, "folder/file"));
  commit(place, t);
  const second = listing(cwd);
  for (const [revision, wanted] of [
    ["HEAD~1", first],
    ["HEAD", second],
  ] as const) {
    t.is(call("mount", revision, mount).status, 0);
    t.is(listing(mount), wanted);
    const [options, ...others] = mountsOf(mount);
    t.regex(options ?? "", / ro,nosuid,nodev/);
    t.deepEqual(others, []);
    t.throws(() => writeFileSync(path.join(mount, "new"), ""), { code: "EROFS" });
    t.is(call("umount", mount).status, 0);
    t.deepEqual(readdirSync(mount), []);
    t.deepEqual(mountsOf(mount), []);
  }
});

testIf("erofs", "overlay")("mount shows a chain that is mounted through views, and --verify reads it all", (t) => {
  const place = site(t);
  const { cwd, mount, call } = place;
  fill(place);
  for (let number = 0; number < 20; number += 1) {
    writeFileSync(path.join(cwd, `file-${number % 7}`), `${number}`.repeat(9000));
    commit(place, t);
  }
  t.is(call("mount", "--verify", "HEAD", mount).status, 0);
  t.is(listing(mount), listing(cwd));
  t.is(call("umount", mount).status, 0);
});

testIf("erofs", "overlay")(
  "mount --verify refuses damaged contents with LAYER_CORRUPT, file and commits, and mounts nothing",
  (t) => {
    const place = site(t);
    const { cwd, mount, layers, call } = place;
    fill(place);
    commit(place, t);
    const [lender = ""] = readdirSync(layers);
    chmodSync(path.join(cwd, "big"), 0o600);
    commit(place, t);
    t.is(call("mount", "--verify", "HEAD", mount).status, 0);
    t.is(call("umount", mount).status, 0);
    patch(path.join(layers, lender), BLOCK_BYTES + 100);
    const { status, stderr } = call("mount", "--verify", "HEAD", mount);
    t.is(status, 15);
    t.regex(
      stderr,
      new RegExp(`^varve: error: Cannot verify layer "${lender}": a file of it has another content than its digest`),
    );
    t.regex(stderr, /varve: path: \/big\nvarve: commit: [0-9a-f]{10} change\nvarve: commit: [0-9a-f]{10} change\nvarve: hint: /);
    t.deepEqual(mountsOf(mount), []);
  },
);

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
)("run --verify and start --verify refuse damaged contents before a process starts", (t) => {
  const { home, call } = site(t);
  const env = environmentWithVarve(home);
  execFileSync("make-small-root", [path.join(home, "root")], { env });
  const store = path.join(home, "store");
  const at = (...words: readonly string[]): SpawnSyncReturns<string> => call("--store", store, ...words);
  t.is(at("import", path.join(home, "root"), "-b", "base", "-m", "base").status, 0);
  t.is(at("run", "--verify", "--name", "good", "base", "--", "true").status, 0);
  const images = path.join(store, "layers/sha256");
  for (const name of readdirSync(images)) patch(path.join(images, name), BLOCK_BYTES, Buffer.alloc(100_000, "damage"));
  for (const words of [
    ["start", "--verify", "good"],
    ["run", "--verify", "--name", "bad", "base", "--", "true"],
    ["run", "--rm", "--verify", "base", "--", "true"],
  ]) {
    const { status, stderr } = at(...words);
    t.is(status, 125, words.join(" "));
    t.regex(stderr, /^varve: error: Cannot verify layer "[0-9a-f]{64}"/);
  }
  t.deepEqual(
    (JSON.parse(at("ps", "-a", "--json").stdout) as { name: string }[]).map(({ name }) => name),
    ["good"],
  );
});

testIf(
  "erofs",
  "overlay",
  "strace",
)("mount that is killed at any mount call has mounted nothing", (t) => {
  const place = site(t);
  const { cwd, home, mount } = place;
  fill(place);
  commit(place, t);
  chmodSync(path.join(cwd, "big"), 0o600);
  commit(place, t);
  const killedAt = (call: string, when: number): boolean => {
    const words = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${when}`];
    const command = [process.execPath, BUILT_COMMAND, "mount", "HEAD", mount];
    return spawnSync("strace", [...words, ...command], { cwd, env: environmentWithVarve(home) }).signal === "SIGKILL";
  };
  for (const [call, when] of [
    ["unshare", 1],
    ["move_mount", 1],
    ["move_mount", 2],
    ["fsmount", 3],
    ["setns", 1],
    ["move_mount", 3],
  ] as const) {
    t.true(killedAt(call, when), `${call} ${when}`);
    // The signal comes at the call's entry.
    t.deepEqual(mountsOf(mount), [], `${call} ${when}`);
  }
});

const REFUSED: readonly (readonly [why: string, words: readonly string[], status: number])[] = [
  ["a mount point that is not there", ["mount", "HEAD", "nowhere"], 22],
  ["a mount point that is a file", ["mount", "HEAD", "file"], 23],
  ["an unknown revision", ["mount", "nothing", "."], 20],
  ["the live tree", ["mount", "@", "."], 23],
  ["a directory where nothing is mounted", ["umount", "."], 25],
  ["a directory that is not there", ["umount", "nowhere"], 22],
  ["another's mount", ["umount", "/proc"], 25],
];

for (const [why, words, status] of REFUSED) {
  testIf("erofs", "overlay")(`${words[0]} refuses ${why}`, (t) => {
    const place = site(t);
    writeFileSync(path.join(place.cwd, "file"), "file");
    commit(place, t);
    const result = place.call(...words);
    t.is(result.status, status, result.stderr);
    t.regex(result.stderr, /^varve: error: Cannot /);
  });
}

testIf("erofs", "overlay")("umount refuses a tree that a process stands in, and a place within it", (t) => {
  const place = site(t);
  const { mount, call } = place;
  fill(place);
  commit(place, t);
  t.is(call("mount", "HEAD", mount).status, 0);
  const inside = varve(["umount", mount], { cwd: path.join(mount, "folder"), home: place.home });
  t.is(inside.status, 53);
  t.regex(inside.stderr, /a process uses it\n(.*\n)?varve: hint: /);
  t.is(call("umount", path.join(mount, "folder")).status, 25);
  symlinkSync(mount, path.join(place.home, "link"));
  t.is(call("umount", path.join(place.home, "link")).status, 0);
});
