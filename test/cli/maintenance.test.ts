import { chmodSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { makeSmallRoot } from "../overlay/small-root.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

interface Tracked {
  readonly cwd: string;
  call(...words: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  json(...words: string[]): never;
}

function tracked(t: ExecutionContext): Tracked {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "tracked");
  mkdirSync(cwd);
  const call: Tracked["call"] = (...words) => varve(words, { cwd, home, environment: { SOURCE_DATE_EPOCH: undefined } as never });
  const json: Tracked["json"] = (...words) => JSON.parse(call("--json", ...words).stdout) as never;
  call("init");
  return { cwd, call, json };
}

function layers({ cwd }: Tracked): string {
  return path.join(cwd, ".varve/layers/sha256");
}

test("gc tells what it removes, in words and as JSON", (t) => {
  const tree = tracked(t);
  writeFileSync(path.join(tree.cwd, "a"), "1");
  tree.call("commit", "-m", "one");
  writeFileSync(path.join(tree.cwd, "a"), "2".repeat(10_000));
  tree.call("commit", "-m", "two");
  tree.call("rollback", "HEAD~1");
  t.regex(tree.call("gc").stderr, /^Removed nothing\.\n2 layers of 2 commits stay: /);
  const told = tree.call("gc", "--dry-run", "--prune-age", "now");
  t.regex(
    told.stdout,
    /^layer [0-9a-f]{64} {2}[\d.]+ KiB\nWould remove 1 layer, 1 commit: [\d.]+ KiB\.\n1 layer of 1 commit stays: /,
  );
  t.is(readdirSync(layers(tree)).length, 2);
  const done = tree.json("gc", "--prune-age", "now") as { readonly dryRun: boolean; readonly layers: readonly unknown[] };
  t.false(done.dryRun);
  t.is(done.layers.length, 1);
  t.is(readdirSync(layers(tree)).length, 1);
  const undo = tree.call("undo");
  t.is(undo.status, 34);
  t.regex(undo.stderr, /^varve: error: Cannot undo "rollback HEAD~1" of .* is gone\nvarve: hint: /);
});

for (const age of ["soon", "30", "-1d", "1y", ""]) {
  test(`gc --prune-age "${age}" is refused`, (t) => {
    const { status, stderr } = tracked(t).call("gc", `--prune-age=${age}`);
    t.is(status, 2);
    t.regex(stderr, /wanted an age, such as 30d, 12h, 2w or now|value/);
  });
}

test("fsck gives 0 for a sound store, 15 for damaged layers, 14 for other damage", (t) => {
  const tree = tracked(t);
  writeFileSync(path.join(tree.cwd, "a"), "1".repeat(10_000));
  tree.call("commit", "-m", "one");
  const sound = tree.call("fsck");
  t.is(sound.status, 0);
  t.is(sound.stdout, "Sound: 1 layer, 1 commit, 0 containers\n");
  t.is(sound.stderr, "");
  const image = path.join(layers(tree), readdirSync(layers(tree))[0]!);
  const bytes = readFileSync(image);
  chmodSync(image, 0o600);
  truncateSync(image, bytes.length - 4096);
  const cut = tree.call("fsck", "--quick");
  t.is(cut.status, 15);
  t.regex(
    cut.stdout,
    /^layer [0-9a-f]{64}: Cannot read layer .*\n {2}commit [0-9a-f]{10}\n {2}ref main\nDamaged: 1 part of 1 layer/,
  );
  const told = tree.json("fsck") as { readonly damaged: boolean; readonly findings: readonly Record<string, unknown>[] };
  t.true(told.damaged);
  t.like(told.findings[0], { part: "layer", refs: ["main"], containers: [], repair: null, repaired: false });
  writeFileSync(image, bytes);
  writeFileSync(path.join(tree.cwd, ".varve/git/refs/heads/main"), "x");
  t.is(tree.call("fsck").status, 14);
});

test("du has a row for each branch, for each layer, and a total", (t) => {
  const tree = tracked(t);
  writeFileSync(path.join(tree.cwd, "a"), "1".repeat(10_000));
  tree.call("commit", "-m", "one");
  writeFileSync(path.join(tree.cwd, "a"), "2".repeat(10_000));
  tree.call("commit", "-m", "two");
  const lines = tree.call("du").stdout.split("\n");
  t.regex(lines[0] ?? "", /^COMMIT +STORED +EXCLUSIVE +SHARED +BORROWED +WASTED +EFFICIENCY +REFS$/);
  t.regex(lines[1] ?? "", /^[0-9a-f]{10} .* 12 KiB +50\.0% +main$/);
  t.regex(lines[3] ?? "", /^LAYER /);
  t.regex(lines[6] ?? "", /^total /);
  const { total } = tree.json("du", "HEAD") as { readonly total: Record<string, number> };
  t.like(total, { wastedBytes: 12_288, efficiency: 0.5 });
  t.is(tree.call("du", "nowhere").status, 20);
});

const testContainers = testIf("erofs", "overlay", "oci-runtime");

testContainers("a container's tree survives gc, and so does what its removal saved; undo brings it back", (t) => {
  const home = temporaryDirectory(t);
  const environment = { SOURCE_DATE_EPOCH: undefined, VARVE_STORE: path.join(home, "store") } as never;
  const call = (...words: string[]) => varve(words, { cwd: home, home, environment });
  const root = path.join(home, "root");
  makeSmallRoot(root);
  mkdirSync(path.join(root, "srv"));
  writeFileSync(path.join(root, "srv/motd"), "hello");
  t.is(call("import", root, "-b", "base").status, 0);
  t.is(call("import", root, "-b", "passing").status, 0);
  t.is(call("run", "--name", "web", "base", "--", "/bin/false").status, 1);
  t.is(call("branch", "-D", "base").status, 0);
  t.is(call("branch", "-D", "passing").status, 0);
  t.is(call("gc", "--prune-age", "now").status, 0);
  t.is(call("ls", "@web:/srv").stdout, "motd\n");
  t.is(call("fsck").status, 0);
  t.is(call("rm", "web").status, 0);
  t.is(call("gc").status, 0);
  t.is(call("undo").status, 0);
  t.is(call("ls", "@web:/srv").stdout, "motd\n");
  t.is(call("fsck").status, 0);
  t.is(call("rm", "web").status, 0);
  t.is(call("gc", "--prune-age", "now").status, 0);
  t.is(call("undo").status, 34);
  t.is(call("fsck").status, 0);
});
