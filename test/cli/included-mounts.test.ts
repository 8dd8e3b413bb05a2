import { linkSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { until } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Committed {
  readonly commit: string | null;
  readonly mounts: readonly { readonly path: string }[];
}

interface Volumes extends RunningStore {
  readonly volume: string;
}

/** Starts a shell with two volumes, one of them a file, and waits until its script has begun. */
async function withVolumes(t: ExecutionContext, script = "touch /root/began; sleep 1000"): Promise<Volumes> {
  const store = runningStore(t);
  const volume = path.join(store.home, "volume");
  mkdirSync(path.join(volume, "below"), { recursive: true });
  writeFileSync(path.join(volume, "one"), "from the volume\n");
  linkSync(path.join(volume, "one"), path.join(volume, "two"));
  symlinkSync("/etc/shadow", path.join(volume, "link"));
  writeFileSync(path.join(volume, ".varveignore"), "one\n");
  writeFileSync(path.join(store.home, "settings"), "a file\n");
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  const volumes = ["-v", `${volume}:/srv/data`, "-v", `${store.home}/settings:/etc/settings:ro`];
  const { status, stderr } = store.run("run", "-d", "--name", "web", ...volumes, "base", "--", "sh", "-c", script);
  t.is(status, 0, stderr);
  await until(() => store.run("exec", "web", "ls", "/root/began").status === 0, "the script has begun");
  return { ...store, volume };
}

const statusOf = (store: RunningStore): unknown => (store.json("status", "web") as { changes: unknown }).changes;

test("a commit of a running container tells which mounts it leaves out, and leaves nothing of them", async (t) => {
  const store = await withVolumes(t);
  const { status, stderr } = store.run("commit", "web", "-m", "without");
  t.is(status, 0);
  t.true(
    stderr.includes("what is mounted on /etc/settings, /srv/data is not in the commit, --include-mount PATH takes it along"),
  );
  t.is(store.run("ls", "web:/srv/data").stdout, "");
  store.run("exec", "web", "touch", "/root/more");
  const { mounts } = store.json("commit", "web", "-m", "again") as Committed;
  t.deepEqual(mounts, [{ path: "/etc/settings" }, { path: "/srv/data" }]);
});

test("--include-mount takes the volumes of a running container along, hardlinks, links and ignore files too", async (t) => {
  const store = await withVolumes(t);
  const { mounts, commit } = store.json(
    ..."commit web -m with --include-mount /srv/data --include-mount /etc/../etc/settings".split(" "),
  ) as Committed;
  t.deepEqual(mounts, []);
  t.truthy(commit);
  t.deepEqual(store.run("ls", "web:/srv/data").stdout.split("\n"), [".varveignore", "below", "link", "one", "two", ""]);
  t.is(store.run("cat", "web:/etc/settings").stdout, "a file\n");
  const tree = path.join(store.home, "tree");
  t.is(store.run("checkout", "web", tree).status, 0);
  t.is(lstatSync(path.join(tree, "srv/data/one")).ino, lstatSync(path.join(tree, "srv/data/two")).ino);
  t.deepEqual(statusOf(store), []);
});

test("what was included stays in later commits, over a restart, until it is included anew", async (t) => {
  const store = await withVolumes(t);
  store.run("commit", "web", "-m", "with", "--include-mount", "/srv/data");
  writeFileSync(path.join(store.volume, "one"), "changed\n");
  t.deepEqual(statusOf(store), [], "status looks at no mount");
  store.run("exec", "web", "touch", "/root/more");
  t.is(store.run("commit", "web", "-m", "without").status, 0);
  t.is(store.run("cat", "web:/srv/data/one").stdout, "from the volume\n");
  store.run("stop", "web");
  t.deepEqual(statusOf(store), []);
  t.is(store.run("commit", "web", "-m", "stopped", "--include-mount", "/srv/data").status, 0);
  t.is(store.run("cat", "web:/srv/data/one").stdout, "changed\n");
  t.deepEqual(statusOf(store), []);
  t.is(store.run("start", "web").status, 0);
  t.is(store.run("exec", "web", "cat", "/srv/data/one").stdout, "changed\n");
  t.is(readFileSync(path.join(store.volume, "two"), "utf8"), "changed\n", "the volume itself is as it was");
});

test("a container that has never run gets the directories that lead to its volume", async (t) => {
  const store = runningStore(t);
  writeFileSync(path.join(store.home, "root/seen"), "here\n");
  t.is(store.run("create", "--name", "job", "-v", `${store.home}/root:/deep/er/place`, "base", "--", "true").status, 0);
  t.is(store.run("commit", "job", "-m", "all", "--include-mount", "/deep/er/place").status, 0);
  t.is(store.run("cat", "job:/deep/er/place/seen").stdout, "here\n");
});

test("a volume at a symlink in the root is included where that leads, and none of this machine", async (t) => {
  const store = runningStore(t);
  symlinkSync("/data", path.join(store.home, "root/by-link"));
  store.run("import", "root", "-b", "linked", "-m", "linked");
  mkdirSync(path.join(store.home, "volume"));
  writeFileSync(path.join(store.home, "volume/seen"), "here\n");
  t.is(store.run("create", "--name", "job", "-v", `${store.home}/volume:/by-link`, "linked", "--", "true").status, 0);
  t.is(store.run("commit", "job", "-m", "all", "--include-mount", "/by-link").status, 0);
  t.is(store.run("ls", "job:/data").stdout, "seen\n");
});

for (const [place, status, words] of [
  ["/nowhere", 22, /nothing is mounted there/],
  ["/srv/data/below", 22, /Something is mounted on \/etc\/settings, \/srv\/data\./],
  ["/proc", 22, /never committed/],
  ["/../../srv", 22, /nothing is mounted there/],
  ["srv/data", 2, /wanted an absolute path/],
  ["/", 2, /wanted an absolute path/],
] as const) {
  test(`--include-mount ${place} is refused`, async (t) => {
    const store = await withVolumes(t);
    const before = store.commit("web");
    const called = store.run("commit", "web", "-m", "no", "--include-mount", place);
    t.is(called.status, status);
    t.regex(called.stderr, words);
    t.is(store.commit("web"), before);
    t.is((store.json("ps", "-a") as readonly { state: string }[])[0]?.state, "running", "it is not left frozen");
  });
}
