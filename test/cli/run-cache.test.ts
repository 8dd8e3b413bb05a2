import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay");

interface Ran {
  readonly cached: boolean;
  readonly exitCode: number;
  readonly removed: boolean;
  readonly commit: { readonly commit: string; readonly parents: readonly string[] } | null;
}

/** Puts the branch `ci` on `base`, and runs a step on it with the cache. */
function step({ run, json }: RunningStore, ...words: string[]): Ran {
  run("branch", "-f", "ci", "base");
  return json("run", "--cache", "-b", "ci", ...words) as Ran;
}

const ADD = ["ci", "--", "sh", "-c", "date +%N > /made"];

test("run --cache gives the branch the commit of an earlier run, and runs nothing", (t) => {
  const store = runningStore(t);
  const first = step(store, ...ADD);
  t.like(first, { cached: false, exitCode: 0, removed: true });
  const second = step(store, ...ADD);
  t.like(second, { cached: true, exitCode: 0, removed: true });
  t.is(second.commit?.commit, first.commit?.commit);
  t.is(store.commit("ci"), first.commit!.commit);
  t.is(store.run("ps", "-aq").stdout, "");
  t.is(store.run("undo").status, 0);
  t.is(store.commit("ci"), store.commit("base"));
  const said = store.run("run", "--cache", "-b", "ci", ...ADD);
  t.regex(said.stderr, new RegExp(`^cached: ${first.commit?.commit.slice(0, 10)}$`, "m"));
});

test("run --cache runs again when anything differs that the result may depend on", (t) => {
  const store = runningStore(t);
  const { home } = store;
  mkdirSync(path.join(home, "src"));
  writeFileSync(path.join(home, "src/a"), "one");
  writeFileSync(path.join(home, "lock"), "one");
  const volume = ["-v", "./src:/src:ro"];
  const input = ["--input", "lock"];
  const cached = (...words: string[]): boolean => step(store, ...words).cached;
  t.false(cached(...volume, ...input, ...ADD));
  t.true(cached(...volume, ...input, ...ADD));
  t.true(cached(...volume, ...input, "--memory", "64m", ...ADD), "limits make no difference");
  utimesSync(path.join(home, "src/a"), 1, 1);
  utimesSync(path.join(home, "lock"), 1, 1);
  t.true(cached(...volume, ...input, ...ADD), "times of inputs make none");
  const others: readonly (readonly [string, readonly string[]])[] = [
    ["command", [...volume, ...input, "ci", "--", "sh", "-c", "date +%N  > /made"]],
    ["environment", ["-e", "A=1", ...volume, ...input, ...ADD]],
    ["user", ["-u", "0:1", ...volume, ...input, ...ADD]],
    ["directory", ["-w", "/srv", ...volume, ...input, ...ADD]],
    ["network", ["--network", "host", ...volume, ...input, ...ADD]],
    ["host name", ["--hostname", "other", ...volume, ...input, ...ADD]],
    ["place of a volume", ["-v", "./src:/srv/src:ro", ...input, ...ADD]],
    ["no volume", [...input, ...ADD]],
    ["no input", [...volume, ...ADD]],
  ];
  for (const [what, words] of others) t.false(cached(...words), what);
  writeFileSync(path.join(home, "lock"), "two");
  t.false(cached(...volume, ...input, ...ADD), "content of an input");
  chmodSync(path.join(home, "src/a"), 0o600);
  t.false(cached(...volume, ...input, ...ADD), "mode in a volume");
  writeFileSync(path.join(home, "src/b"), "");
  t.false(cached(...volume, ...input, ...ADD), "a name in a volume");
  t.true(cached(...volume, ...input, ...ADD));
});

test("run --cache knows a tree, whatever commit has it: the branch's history stays its own", (t) => {
  const store = runningStore(t);
  const first = step(store, ...ADD).commit!;
  t.is(store.run("import", "root", "-b", "twin", "-m", "the same tree").status, 0);
  const parent = store.commit("twin");
  t.not(parent, store.commit("base"));
  const reused = store.json("run", "--cache", "-b", "twin", "twin", ...ADD.slice(1)) as Ran;
  t.true(reused.cached);
  t.not(reused.commit?.commit, first.commit);
  t.deepEqual(reused.commit?.parents, [parent]);
  t.is(store.run("cat", "twin:made").stdout, store.run("cat", `${first.commit}:made`).stdout);
  t.is(store.run("fsck").status, 0);
});

test("run --cache reuses nothing that is not whole, failed, or was to be run anew", (t) => {
  const store = runningStore(t);
  t.is(step(store, "ci", "--", "sh", "-c", "exit 3").exitCode, 3);
  t.is(step(store, "ci", "--", "sh", "-c", "exit 3").cached, false);
  const first = step(store, ...ADD).commit!;
  const anew = step(store, "--no-cache", ...ADD);
  t.false(anew.cached);
  t.not(anew.commit?.commit, first.commit);
  t.is(step(store, ...ADD).commit?.commit, anew.commit?.commit, "what was run anew counts from then on");
  const { layer } = store.json("show", "ci") as { layer: string };
  store.run("branch", "-f", "ci", "base");
  const layers = path.join(store.store, "layers/sha256");
  t.true(readdirSync(layers, "utf8").includes(layer));
  rmSync(path.join(layers, layer));
  t.false(step(store, ...ADD).cached);
});

test("run --cache takes no commit for a cached one that was made on another tree", (t) => {
  const store = runningStore(t);
  const first = step(store, ...ADD).commit!;
  const git = (...words: string[]): string =>
    execFileSync("git", ["-C", path.join(store.store, "git"), ...words], { encoding: "utf8" });
  const ref = git("for-each-ref", "--format=%(refname)", "refs/varve/cache").trim();
  t.is(store.run("import", "root", "-b", "other", "-m", "another history").status, 0);
  t.is(store.run("run", "--rm", "--commit", "-b", "on", "ci", "--", "sh", "-c", "echo > /on").status, 0);
  for (const other of ["other", "on", "base"]) {
    git("update-ref", ref, store.commit(other));
    const again = step(store, "--memory", "64m", ...ADD);
    t.false(again.cached, other);
    t.deepEqual(again.commit?.parents, [store.commit("base")], other);
    git("update-ref", "-d", git("for-each-ref", "--format=%(refname)", "refs/varve/cache").trim());
    git("update-ref", ref, first.commit);
  }
});

test("run --cache remembers a run that changed nothing", (t) => {
  const store = runningStore(t);
  const nothing = ["ci", "--", "true"];
  t.like(step(store, ...nothing), { cached: false, commit: null });
  t.like(step(store, ...nothing), { cached: true, commit: null });
  t.is(store.commit("ci"), store.commit("base"));
});

test("gc keeps what was cached until its age has come", (t) => {
  const store = runningStore(t);
  const made = step(store, ...ADD).commit!;
  store.run("branch", "-f", "ci", "base");
  t.is(store.run("gc", "--prune-age", "now").status, 0);
  t.is(step(store, ...ADD).commit?.commit, made.commit);
  store.run("branch", "-f", "ci", "base");
  const { cached } = store.json("gc", "--prune-age", "now", "--cache-age", "now") as { cached: string[] };
  t.deepEqual(cached, [made.commit]);
  t.false(step(store, ...ADD).cached);
  t.deepEqual((store.json("du") as { commits: { refs: string[] }[] }).commits.flatMap(({ refs }) => refs).sort(), ["base", "ci"]);
});

test("run --cache refuses what can't be compared", (t) => {
  const store = runningStore(t);
  const refused = (pattern: RegExp, ...words: string[]): void => {
    const { status, stderr } = store.run("run", ...words);
    t.is(status, 125, words.join(" "));
    t.regex(stderr, pattern);
  };
  refused(/may write to the volume "\/src"[^]*root:\/src:ro/, "--cache", "-b", "ci", "-v", "./root:/src", "base", "--", "true");
  refused(/which branch/, "--cache", "base", "--", "true");
  refused(/stdin/, "--cache", "-b", "ci", "-i", "base", "--", "true");
  refused(/--input without --cache/, "--input", "root", "base", "--", "true");
  refused(/--no-cache without --cache/, "--no-cache", "base", "--", "true");
  refused(/no such file/, "--cache", "-b", "ci", "--input", "nowhere", "base", "--", "true");
  t.is(store.run("ps", "-aq").stdout, "");
  step(store, ...ADD);
  refused(/stands at/, "--cache", "-b", "ci", "base", ...ADD.slice(1));
});

test("run --commit records the command, its exit status and duration", (t) => {
  const store = runningStore(t);
  t.is(store.run("run", "--rm", "-b", "out", "--commit", "-m", "one", "base", "--", "sh", "-c", "echo > /one").status, 0);
  const { origin } = store.json("show", "out") as {
    origin: { command: string[]; exitCode: number; durationMilliseconds: number };
  };
  t.deepEqual(origin.command, ["sh", "-c", "echo > /one"]);
  t.is(origin.exitCode, 0);
  t.true(origin.durationMilliseconds > 0);
  const before = readFileSync(path.join(store.store, "operations/log"), "utf8");
  const failed = store.run("run", "--rm", "-b", "other", "--commit", "base", "--", "sh", "-c", "echo > /two; exit 4");
  t.is(failed.status, 4);
  t.regex(failed.stderr, /Not committed: the process failed/);
  t.is(store.run("show", "other").status, 20);
  t.is(readFileSync(path.join(store.store, "operations/log"), "utf8"), before);
});

test("forget-path tells of cached runs that it forgets, and takes their commits out", (t) => {
  const store = runningStore(t);
  step(store, "ci", "--", "sh", "-c", "echo key > /etc/key");
  const said = store.run("forget-path", "etc/key", "--all");
  t.is(said.status, 0, said.stderr);
  t.regex(said.stderr, /^ {2}refs\/varve\/cache\/\S+ is forgotten$/m);
  store.run("undo");
  const { refs } = store.json("forget-path", "etc/key", "--all") as { refs: { ref: string; after: string | null }[] };
  t.deepEqual(
    refs.filter(({ after }) => after === null).map(({ ref }) => ref.split("/").slice(0, 3).join("/")),
    ["refs/varve/cache"],
  );
});
