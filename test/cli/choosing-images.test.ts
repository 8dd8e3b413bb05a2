// Which image of several is meant.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { RegistryClient } from "../../store/registry/registry-client.js";
import { putLayeredImage } from "../helpers/layered-image.js";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";

const test = testIf("docker-registry", "skopeo").serial;

for (const format of ["docker-archive", "oci-archive", "oci-dir"])
  test(`load --image takes that image alone of several, by its name or digest: ${format}`, (t) => {
    const { home, ok, run } = userStore(t, undefined);
    writeFileSync(path.join(home, "root/new"), "new");
    ok("import", "root", "-b", "other", "-m", "other");
    ok("tag", "team/base:1", "base");
    ok("tag", "team/other:2", "other");
    const saved = JSON.parse(ok("--json", "save", "team/base:1", "team/other:2", "--format", format, "-o", "out")) as {
      images: { references: string[]; manifest: string }[];
    };
    const tree = (name: string, ...store: string[]): string =>
      (JSON.parse(ok(...store, "--json", "show", "-s", name)) as { tree: string }).tree;
    const into = (name: string): string[] => ["--store", path.join(home, name)];
    t.is(ok(...into("one"), "load", "out", "--image", "team/other:2"), "Loaded image: team/other:2\n");
    t.is(tree("team/other:2", ...into("one")), tree("other"));
    t.is(ok(...into("one"), "images", "-q").split("\n").length, 2);
    const { manifest } = saved.images.find(({ references }) => references.includes("team/base:1"))!;
    t.is(ok(...into("two"), "load", "out", "--image", manifest, "--name", "mine:1", "-b", "work"), "Loaded image: mine:1\n");
    t.is(tree("work", ...into("two")), tree("base"));
    ok(...into("same"), "load", "out", "--image", "docker.io/team/other:2");
    t.is(tree("team/other:2", ...into("same")), tree("other"));
    const none = run(...into("three"), "load", "out", "--image", "team/none:1");
    t.is(none.status, 40, none.stderr);
    t.regex(none.stderr, /team\/none:1/);
    t.is(run(...into("three"), "load", "out", "--name", "mine:1").status, 2);
    t.is(ok(...into("all"), "load", "out"), "Loaded image: team/base:1\nLoaded image: team/other:2\n");
  });

test("load takes this machine's image of an index, or that of --platform", async (t) => {
  const [{ home, ok, run }, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const manifests = [];
  const ids = new Map<string, string>();
  for (const [index, architecture] of ["amd64", "arm64"].entries()) {
    const platform = { os: "linux", architecture };
    const parts = { repository: "app", tag: architecture, sizes: [1000 + index], platform };
    const { digest, manifest } = await putLayeredImage(t, host, parts);
    ids.set(architecture, (JSON.parse(manifest.toString()) as { config: { digest: string } }).config.digest);
    manifests.push({ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: manifest.length, platform });
  }
  const client = new RegistryClient(host, "app", { environment: {} });
  t.teardown(() => client.close());
  const mediaType = "application/vnd.oci.image.index.v1+json";
  await client.putManifest("all", Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests })), mediaType);
  for (const target of ["oci:layout:all", "oci-archive:layout.tar:all"]) {
    const words = ["copy", "-q", "--all", "--src-tls-verify=false", `docker://${host}/app:all`, target];
    const { status, stderr } = spawnSync("skopeo", words, { cwd: home, encoding: "utf8" });
    t.is(status, 0, stderr);
  }
  const own = { x64: "amd64", arm64: "arm64" }[process.arch as "x64"];
  for (const source of ["layout", "layout.tar"]) {
    ok("load", source, "--platform", "linux/arm64", "--name", "arm:1");
    ok("load", source, "--platform", "linux/amd64", "--name", "amd:1");
    ok("load", source, "--name", "own:1");
    const rows = JSON.parse(ok("--json", "images")) as { reference: string; image: string }[];
    const idOf = (name: string): string | undefined => rows.find(({ reference }) => reference === name)?.image;
    t.is(idOf("amd:1"), ids.get("amd64"));
    t.is(idOf("arm:1"), ids.get("arm64"));
    t.is(idOf("own:1"), ids.get(own));
    const none = run("load", source, "--platform", "linux/s390x");
    t.is(none.status, 40, none.stderr);
    t.regex(none.stderr, /linux\/s390x/);
  }
});

test("load says what platforms an archive has, and what to do about a branch that is there: no option of its own moves it", (t) => {
  const { ok, run } = userStore(t, undefined);
  ok("save", "base", "--name", "team/base:1", "--platform", "linux/s390x", "-o", "out");
  const other = run("load", "out", "--platform", "linux/arm64");
  t.is(other.status, 40);
  t.regex(other.stderr, /hint: It has: linux\/s390x\n/);
  ok("load", "out", "--platform", "linux/s390x");
  const taken = run("load", "out", "--force", "-b", "base");
  t.is(taken.status, 30);
  t.regex(taken.stderr, /varve branch -f BRANCH IMAGE/);
  t.notRegex(taken.stderr, /--force/);
});

for (const history of ["--history", "--no-history"])
  test(`pull takes no image that is for another platform than --platform, where an index leads to none: ${history}`, async (t) => {
    const [{ ok, run }, { host }] = [userStore(t, undefined), await startRegistry(t)];
    ok("push", history, "--platform", "linux/s390x", "base", `${host}/app:1`);
    const other = run("pull", "--platform", "linux/arm64", `${host}/app:1`);
    t.is(other.status, 40, other.stderr);
    t.regex(other.stderr, /Cannot find an image for linux\/arm64.*\n.*linux\/s390x/);
    t.is(ok("--json", "images").trim(), "[]");
    ok("pull", "--platform", "linux/s390x", `${host}/app:1`);
  });
