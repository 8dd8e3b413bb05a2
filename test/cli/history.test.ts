// Histories between stores, through bundles and docker's own registry.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import plain from "ava";
import { misfits, type Shape } from "../helpers/json-shape.js";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

/** Of a container of podman: none that is raised, which may be forbidden here. */
const LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
const COMMIT = /^[0-9a-f]{40}$/;
const SHA256 = /^sha256:[0-9a-f]{64}$/;

const idOf = ({ ok }: UserStore, revision: string, ...store: readonly string[]): string =>
  (JSON.parse(ok(...store, "--json", "show", "-s", revision)) as { commit: string }).commit;

/** One more commit of the branch. */
function changed({ home, ok }: UserStore, name: string, content: string, branch = "base"): void {
  writeFileSync(path.join(home, "root", name), content);
  ok("import", "root", "-b", branch, "-m", `changes ${name}`);
}

const layersOf = (store: string): readonly string[] => readdirSync(path.join(store, "layers/sha256")).sort();

plain("a bundle gives back commits, branches and tags; a second one what came since; undo takes a load back", (t) => {
  const made = userStore(t, undefined);
  const { home, ok, run } = made;
  changed(made, "one", "1");
  ok("tag", "-m", "the first", "v1", "base");
  const file = (name: string): string => path.join(home, name);
  const other = ["--store", file("other")];
  ok("bundle", "--all", file("all.varve"));
  t.regex(
    ok("bundle", "--verify", file("all.varve")),
    /refs\/heads\/base\n[\s\S]*refs\/tags\/v1\nThe bundle records a complete history\./,
  );
  t.regex(ok(...other, "load", file("all.varve")), / \* \[new branch\] +base +-> base\n \* \[new tag\] +v1 +-> v1\n/);
  t.is(idOf(made, "base", ...other), idOf(made, "base"));
  t.is(ok(...other, "tag", "-n", "--list", "v1"), ok("tag", "-n", "--list", "v1"));
  t.deepEqual(layersOf(file("other")), layersOf(made.store));
  chmodSync(path.join(home, "root/one"), 0o600);
  changed(made, "two", "2");
  ok("bundle", "v1..base", file("update.varve"));
  t.true(readFileSync(file("update.varve")).length < readFileSync(file("all.varve")).length);
  ok("--store", file("third"), "init", "--shared");
  const lacking = run("--store", file("third"), "load", file("update.varve"));
  t.is(lacking.status, 20);
  t.true(lacking.stderr.includes(`${idOf(made, "v1")} changes one`));
  t.is(run("--store", file("third"), "bundle", "--verify", file("update.varve")).status, 20);
  t.regex(ok(...other, "load", file("update.varve")), / {3}[0-9a-f]{7}\.\.[0-9a-f]{7} +base +-> base\n/);
  t.is(idOf(made, "base", ...other), idOf(made, "base"));
  ok(...other, "undo");
  t.is(idOf(made, "base", ...other), idOf(made, "v1"));
  ok(...other, "fsck");
  const rejected = run(...other, "load", file("all.varve"));
  t.is(rejected.status, 0);
});

testIf("root")(
  "a branch that is stood on is left to merge, which the hint tells with the commit; --force is told for the others",
  (t) => {
    const made = userStore(t, undefined);
    const { home, ok, run } = made;
    const file = (name: string): string => path.join(home, name);
    ok("branch", "moved", "base");
    ok("bundle", "--all", file("all.varve"));
    ok("clone", file("all.varve"), file("there"), "-b", "base");
    const there = ["--store", file("there/.varve")];
    changed(made, "one", "1");
    ok("bundle", "base", file("base.varve"));
    const { status, stdout, stderr } = run(...there, "load", file("base.varve"), "--force");
    t.is(status, 1);
    t.regex(stdout, / ! \[rejected\] +base +-> base {2}\(checked out\)\n/);
    const short = idOf(made, "base").slice(0, 10);
    t.regex(stderr, new RegExp(`stands on base\\. Take over what came: varve merge \\[CONTAINER\\] ${short}\n$`));
    t.false(stderr.includes("--force"));
    ok(...there, "merge", short);
    t.is(idOf(made, "base", ...there), idOf(made, "base"));
    ok(...there, "branch", "-f", "moved", "base");
    ok("bundle", "moved", file("moved.varve"));
    const behind = run(...there, "load", file("moved.varve"));
    t.is(behind.status, 1);
    t.regex(behind.stderr, /^varve: hint: --force moves refs/m);
    t.false(behind.stderr.includes("merge"));
  },
);

plain("a bundle comes through a pipe, plain or compressed", (t) => {
  const made = userStore(t, undefined);
  const env = environmentWithVarve(made.home);
  const line = `varve --store store bundle base - | gzip | varve --store piped load -`;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { cwd: made.home, env, encoding: "utf8" });
  t.is(status, 0, stderr);
  t.regex(stdout, /^From -\n \* \[new branch\]/);
  t.is(idOf(made, "base", "--store", path.join(made.home, "piped")), idOf(made, "base"));
});

plain("a terminal is shown which layer a bundle has come to, and nothing of it stays", (t) => {
  const made = userStore(t, undefined);
  const words = ["-qec", "varve --store store bundle base x.varve", "/dev/null"];
  const { stdout, error } = spawnSync("script", words, {
    cwd: made.home,
    env: environmentWithVarve(made.home),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.is(error, undefined);
  t.regex(stdout, /layer 1 of 1\r\u001B\[K(?:.*\r\u001B\[K)?Wrote x\.varve: 1 commit, 1 layer, /);
});

plain("what can't be bundled or loaded says so, and leaves nothing", (t) => {
  const made = userStore(t, undefined);
  const { home, run, ok } = made;
  const file = path.join(home, "x.varve");
  t.is(run("bundle", file).status, 2);
  t.is(run("bundle", "base..base", file).status, 2);
  t.is(run("bundle", "nosuch", file).status, 20);
  t.regex(run("bundle", idOf(made, "base"), file).stderr, /names no branch and no tag/);
  t.is(run("bundle", "base", path.join(home, "no/such/x")).status, 22);
  t.false(existsSync(file));
  ok("bundle", "base", file);
  t.is(run("load", file, "-b", "mine").status, 2);
  ok("save", "base", "-o", path.join(home, "image.tar"));
  t.regex(run("bundle", "--verify", path.join(home, "image.tar")).stderr, /it holds images, and no history/);
  writeFileSync(file, readFileSync(file).subarray(0, -20_000));
  t.is(run("--store", path.join(home, "other"), "load", file).status, 43);
  t.is(run("bundle", "--verify", file).status, 43);
});

const REFS: Shape = [{ ref: "string", commit: COMMIT }];
const BUNDLED: Shape = {
  file: "string",
  digest: SHA256,
  refs: REFS,
  prerequisites: [COMMIT],
  commits: "number",
  layers: "number",
  foreignLayers: "number",
  bytes: "number",
};
const VERIFIED: Shape = {
  file: "string",
  digest: SHA256,
  refs: REFS,
  prerequisites: [COMMIT],
  missing: [COMMIT],
  commits: "number",
  layers: "number",
};
const LOADED: Shape = {
  source: "string",
  commits: "number",
  layers: "number",
  bytes: "number",
  refs: [
    {
      ref: "string",
      before: { any: [COMMIT, null] },
      after: COMMIT,
      outcome: /^(new|forward|forced|same|rejected)$/,
      reason: { any: ["string", null] },
    },
  ],
};
const CLONED: Shape = {
  store: "string",
  directory: { any: ["string", null] },
  branch: "string",
  commit: COMMIT,
  branches: "number",
  commits: "number",
  layers: "number",
  bytes: "number",
};

plain("bundle, load and clone print JSON as it is documented", (t) => {
  const { home, ok } = userStore(t, undefined);
  const json = (...words: readonly string[]): unknown => JSON.parse(ok("--json", ...words));
  const file = path.join(home, "x.varve");
  t.deepEqual(misfits(json("bundle", "base", file), BUNDLED), []);
  t.deepEqual(misfits(json("bundle", "--verify", file), VERIFIED), []);
  t.deepEqual(misfits(json("load", file), LOADED), []);
  t.deepEqual(misfits(json("clone", "--bare", file, path.join(home, "cloned")), CLONED), []);
});

plain("clone makes a store of a bundle, on the branch that it is told, and nothing where it fails", (t) => {
  const made = userStore(t, undefined);
  const { home, ok, run } = made;
  ok("branch", "other", "base");
  changed(made, "new", "n", "other");
  const file = path.join(home, "both.varve");
  ok("bundle", "base", "other", file);
  const place = path.join(home, "cloned");
  t.is(run("clone", "--bare", file, place).status, 0);
  t.is(idOf(made, "other", "--store", place), idOf(made, "other"));
  t.is(run("clone", "--bare", file, place).status, 36);
  // As with git, a history begins with the clone.
  t.is(run("--store", place, "undo").status, 34);
  t.is(ok("--store", place, "--json", "op", "log"), "[]\n");
  t.is(idOf(made, "other", "--store", place), idOf(made, "other"));
  t.regex(ok("--store", place, "reflog", "other"), /clone/);
  t.is(run("clone", "--bare", "-b", "none", file, path.join(home, "fails")).status, 20);
  t.false(existsSync(path.join(home, "fails")));
  t.is(run("clone", "./none.varve").status, 40);
  t.regex(run("clone", "none.varve").stderr, /^varve: error: Cannot clone "none\.varve": there is no such file\n/);
  t.regex(run("clone", file, path.join(file, "below")).stderr, /a part of its path is no directory/);
  t.is(run("clone", file, "/proc/varve-clone").status, 52);
  writeFileSync(file, readFileSync(file).subarray(0, -20_000));
  t.is(run("clone", "--bare", file, path.join(home, "fails")).status, 43);
  t.false(existsSync(path.join(home, "fails")));
});

plain("of clones into one place at once one has it, and the others leave it alone", async (t) => {
  const made = userStore(t, undefined);
  const { home, ok } = made;
  const file = path.join(home, "x.varve");
  ok("bundle", "base", file);
  const env = environmentWithVarve(home);
  const clone = async (place: string): Promise<number> => {
    const child = spawn(process.execPath, [BUILT_COMMAND, "clone", "--bare", file, place], { env, stdio: "ignore" });
    const [status] = (await once(child, "exit")) as [number];
    return status;
  };
  for (let turn = 0; turn < 4; turn += 1) {
    const place = path.join(home, `place${turn}`);
    const together = Array.from({ length: 4 }, () => clone(place));
    t.deepEqual((await Promise.all(together)).sort(), [0, 36, 36, 36]);
    t.is(idOf(made, "base", "--store", place), idOf(made, "base"));
  }
});

testIf("root")("clone fills a directory with the branch's files; it is tracked", (t) => {
  const made = userStore(t, undefined);
  const { home, ok } = made;
  ok("bundle", "base", path.join(home, "work.varve"));
  const env = environmentWithVarve(home);
  const call = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("varve", words, { cwd: home, env, encoding: "utf8" });
    t.is(status, 0, stderr);
    return stdout;
  };
  call("clone", "work.varve");
  const { stdout } = spawnSync("varve", ["status"], { cwd: path.join(home, "work"), env, encoding: "utf8" });
  t.regex(stdout, /^On branch base[\s\S]*Nothing has changed/);
  t.is(spawnSync("diff", ["-r", "--no-dereference", "-x", ".varve", "root", "work"], { cwd: home, encoding: "utf8" }).stdout, "");
});

plain("a load that is killed leaves a store that is whole, and loads to its end the next time", async (t) => {
  const made = userStore(t, undefined);
  const { home, ok } = made;
  for (let n = 0; n < 6; n += 1) changed(made, `file${n}`, String(n).repeat(400_000));
  const file = path.join(home, "x.varve");
  ok("bundle", "base", file);
  const env = environmentWithVarve(home);
  for (let delay = 60; delay < 700; delay += 80) {
    const store = path.join(temporaryDirectory(t), "store");
    ok("--store", store, "init", "--shared");
    const child = spawn(process.execPath, [BUILT_COMMAND, "--store", store, "load", file], { env, stdio: "ignore" });
    const ended = once(child, "exit");
    await pause(delay);
    child.kill("SIGKILL");
    await ended;
    ok("--store", store, "fsck");
    ok("--store", store, "load", file);
    t.is(idOf(made, "base", "--store", store), idOf(made, "base"));
    t.deepEqual(readdirSync(path.join(store, "scratch")), []);
  }
});

const online = testIf("docker-registry").serial;

online("through a registry come the same commits, layers and branches; then what is new alone", async (t) => {
  const [made, registry] = [userStore(t, undefined), await startRegistry(t)];
  const { home, ok } = made;
  const reference = `${registry.host}/team/base:1`;
  changed(made, "one", "1".repeat(500_000));
  ok("branch", "side", "base~1");
  changed(made, "aside", "2", "side");
  const pushed = JSON.parse(ok("--json", "push", "base", reference, "--all")) as { history: string; digest: string };
  t.regex(pushed.history, SHA256);
  const clone = path.join(home, "clone");
  ok("clone", "--bare", reference, clone);
  const store = ["--store", clone];
  for (const branch of ["base", "side"]) t.is(idOf(made, branch, ...store), idOf(made, branch));
  t.deepEqual(layersOf(clone), layersOf(made.store));
  ok(...store, "fsck");
  changed(made, "three", "3");
  ok("push", "base", reference);
  const before = registry.answers().length;
  const pulled = JSON.parse(ok(...store, "--json", "pull", reference)) as { added: number; commit: string }[];
  t.is(pulled[0]!.added, 1);
  t.is(pulled[0]!.commit, idOf(made, "base"));
  // The image's config, the git objects and the one new layer; no tar, and no layer that is there.
  const blobs = registry
    .answers()
    .slice(before)
    .filter((line) => /^GET \S+\/blobs\//.test(line));
  t.is(blobs.length, 3, blobs.join("\n"));
  t.true(blobs.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0) < 100_000);
  ok(...store, "fsck");
  // Nothing is new.
  t.is((JSON.parse(ok(...store, "--json", "pull", reference)) as { added: number }[])[0]!.added, 0);
});

online("--no-history leaves it out on either side, and so does --squash", async (t) => {
  const [made, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { home, ok, run } = made;
  const history = (...words: readonly string[]): unknown =>
    (JSON.parse(ok("--json", "push", "base", ...words)) as { history: unknown }).history;
  t.is(history(`${host}/a:1`, "--no-history"), null);
  t.is(history(`${host}/b:1`, "--squash"), null);
  t.regex(run("clone", "--bare", `${host}/a:1`, path.join(home, "c")).stderr, /no history came with the image/);
  t.regex(String(history(`${host}/c:1`)), SHA256);
  t.regex(String(history(`${host}/d:1`, "--squash", "--history")), SHA256);
  const other = ["--store", path.join(home, "other")];
  ok(...other, "pull", `${host}/c:1`, "--no-history");
  t.not(idOf(made, `${host}/c:1`, ...other), idOf(made, "base"));
  ok(...other, "pull", `${host}/d:1`);
  t.is(idOf(made, `${host}/d:1`, ...other), idOf(made, "base"));
});

online("an image that came from elsewhere travels on with its id, and what was built on it", async (t) => {
  const [made, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { home, ok } = made;
  ok("save", "base", "-o", path.join(home, "image.tar"));
  const [one, two] = ["one", "two"].map((name) => ["--store", path.join(home, name)]) as [string[], string[]];
  ok(...one, "load", path.join(home, "image.tar"), "-b", "work");
  const id = (store: readonly string[]): unknown => JSON.parse(ok(...store, "--json", "images"));
  ok(...one, "push", "base:latest", `${host}/x:1`);
  ok(...two, "pull", `${host}/x:1`);
  const [[here], [there]] = [id(one), id(two)] as [{ image: string; commit: string }[], { image: string; commit: string }[]];
  t.is(there!.image, here!.image);
  t.is(there!.commit, here!.commit);
  ok(...two, "fsck");
  const again = JSON.parse(ok(...two, "--json", "push", `${host}/x:1`, `${host}/y:1`)) as { image: string; sameImage: boolean };
  t.true(again.sameImage);
});

online("a history that is tied to another image is refused", async (t) => {
  const [made, { host, storage }] = [userStore(t, undefined), await startRegistry(t)];
  const { home, ok, run } = made;
  const first = (JSON.parse(ok("--json", "push", "base", `${host}/x:1`)) as { digest: string }).digest;
  changed(made, "evil", "e");
  const second = (JSON.parse(ok("--json", "push", "base", `${host}/x:2`)) as { digest: string }).digest;
  // The tag by which the registry lists what belongs to the first image is made to lead to the second one's.
  const tags = path.join(storage, "docker/registry/v2/repositories/x/_manifests/tags");
  const link = (digest: string): string => path.join(tags, digest.replace(":", "-"), "current/link");
  copyFileSync(link(second), link(first));
  const { status, stderr } = run("--store", path.join(home, "other"), "pull", `${host}/x:1`);
  t.is(status, 43);
  t.regex(stderr, /it is none of this image/);
  t.regex(ok("--store", path.join(home, "other"), "pull", `${host}/x:1`, "--no-history"), /Pulled image/);
});

testIf("root", "overlay", "podman", "runc", "docker-registry").serial(
  "podman pulls and runs an image whose history lies beside it",
  async (t) => {
    const [{ home, ok }, { host }] = [userStore(t, undefined), await startRegistry(t)];
    ok("push", "base", `${host}/team/base:1`);
    const runtime = ["--cgroup-manager=cgroupfs", "--runtime", "runc"];
    const places = ["--root", path.join(home, "podman"), "--runroot", path.join(home, "podman-run"), ...runtime];
    t.teardown(() => void spawnSync("podman", [...places, "rmi", "-f", "-a"]));
    const podman = (...words: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync("podman", [...places, ...words], { cwd: home, encoding: "utf8" });
      t.is(status, 0, stderr);
      return stdout;
    };
    podman("pull", "-q", "--tls-verify=false", `${host}/team/base:1`);
    t.is(podman("run", "--rm", "--network", "none", ...LIMITS, `${host}/team/base:1`, "/bin/echo", "runs"), "runs\n");
  },
);
