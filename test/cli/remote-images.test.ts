// What a registry has, and what is taken over within it.
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { RegistryClient } from "../../store/registry/registry-client.js";
import { putLayeredImage } from "../helpers/layered-image.js";
import { startRegistry, type RegistrySetup, type LocalRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("docker-registry").serial;

interface Setting extends UserStore, LocalRegistry {
  readonly json: (...words: string[]) => unknown;
}

async function setting(t: ExecutionContext, setup?: RegistrySetup): Promise<Setting> {
  const [store, registry] = [userStore(t, undefined), await startRegistry(t, setup)];
  return { ...store, ...registry, json: (...words) => JSON.parse(store.ok("--json", ...words)) as unknown };
}

const digestOf = (pushed: unknown): string => (pushed as { digest: string }).digest;

test("images --remote lists a repository's tags with the digests of their manifests", async (t) => {
  const { host, home, ok, run, json } = await setting(t);
  const first = digestOf(json("push", "--no-history", "base", `${host}/team/web:1`));
  json("push", "--no-history", "base", `${host}/team/web:same`);
  writeFileSync(path.join(home, "root/new"), "new");
  ok("import", "root", "-b", "base", "-m", "second");
  const second = digestOf(json("push", "--no-history", "base", `${host}/team/web:2`));
  const wanted = [
    { reference: `${host}/team/web:1`, manifest: first },
    { reference: `${host}/team/web:2`, manifest: second },
    { reference: `${host}/team/web:same`, manifest: first },
  ];
  t.deepEqual(json("images", "--remote", `${host}/team/web`), wanted);
  t.deepEqual(json("images", "--remote", `${host}/team/web:2`), [wanted[1]]);
  t.deepEqual(json("images", "--remote", `${host}/team/web@${first}`), [wanted[0], wanted[2]]);
  t.is(ok("images", "--remote", "-q", `${host}/team/web`), wanted.map(({ reference }) => `${reference}\n`).join(""));
  const [heads, row] = ok("images", "--remote", `${host}/team/web`).split("\n");
  t.regex(heads!, /^REPOSITORY +TAG +DIGEST$/);
  t.deepEqual(row!.split(/ +/), [`${host}/team/web`, "1", first]);
  t.is(run("images", "--remote", `${host}/team/none`).status, 83);
  t.is(run("images", "--remote", `${host}/team/web:none`).status, 83);
  t.is(run("images", "--remote").status, 2);
  t.is(run("images", "--remote", "team/*").status, 2);
});

test("rmi --remote deletes a manifest; one that has other tags only with --force", async (t) => {
  const { host, home, ok, run, json } = await setting(t);
  const digest = digestOf(json("push", "--no-history", "base", `${host}/team/web:1`));
  json("push", "--no-history", "base", `${host}/team/web:same`);
  writeFileSync(path.join(home, "root/new"), "new");
  ok("import", "root", "-b", "base", "-m", "second");
  const other = digestOf(json("push", "--no-history", "base", `${host}/team/web:2`));
  const refused = run("rmi", "--remote", `${host}/team/web:1`);
  t.is(refused.status, 35);
  t.regex(refused.stderr, /the same manifest sha256:[0-9a-f]{64} is called same, too\nvarve: hint: .*--force/);
  t.is(run("rmi", "--remote", `${host}/team/web@${digest}`).status, 35);
  t.is((json("images", "--remote", `${host}/team/web`) as unknown[]).length, 3);
  t.is(
    ok("rmi", "--remote", "--force", `${host}/team/web:1`),
    `Untagged: ${host}/team/web:1\nUntagged: ${host}/team/web:same\nDeleted: ${host}/team/web@${digest}\n`,
  );
  t.deepEqual(json("rmi", "--remote", `${host}/team/web:2`), [{ reference: `${host}/team/web:2`, manifest: other, tags: ["2"] }]);
  t.is(run("pull", `${host}/team/web:2`).status, 83);
  t.is(run("rmi", "--remote", `${host}/team/web:2`).status, 83);
  // Nothing changed here.
  t.is(run("log", "base").status, 0);
});

test("rmi --remote says so where a registry lets nothing be deleted", async (t) => {
  const { host, run, json } = await setting(t, { isAppendOnly: true });
  json("push", "--no-history", "base", `${host}/team/web:1`);
  const { status, stderr } = run("rmi", "--remote", `${host}/team/web:1`);
  t.is(status, 44);
  t.regex(stderr, /the registry does not let it be deleted/);
  t.is((json("images", "--remote", `${host}/team/web`) as unknown[]).length, 1);
});

test("push has a registry take over what another repository of it has, pushed or pulled", async (t) => {
  const { host, ok, run, json, requests, home } = await setting(t);
  const digest = digestOf(json("push", "--no-history", "base", `${host}/team/web:1`));
  const sent = requests().length;
  const again = run("push", "--no-history", "base", `${host}/other/web:1`);
  t.regex(again.stderr, /^[0-9a-f]{12}: Mounted from team\/web$/m);
  t.false(again.stderr.includes("Pushed"));
  const asked = requests().slice(sent);
  t.true(asked.some((request) => /^POST \/v2\/other\/web\/blobs\/uploads\/\?mount=sha256%3A\w+&from=team%2Fweb$/.test(request)));
  t.false(
    asked.some((request) => /^(?:PATCH|PUT) \S*\/blobs\//.test(request)),
    asked.join("\n"),
  );
  // In another store, which has it by a pull, and never heard of team/web.
  const fresh = ["--store", path.join(home, "fresh")];
  ok(...fresh, "pull", `${host}/other/web:1`);
  const pushed = run(...fresh, "push", "--no-history", `${host}/other/web:1`, `${host}/third:1`);
  t.regex(pushed.stderr, /Mounted from other\/web/);
  t.true(pushed.stdout.includes(digest));
});

test("a mount that the registry does not make becomes an upload", async (t) => {
  const { host, store, run, json } = await setting(t);
  json("push", "--no-history", "base", `${host}/team/web:1`);
  const client = new RegistryClient(host, "team/web", { environment: {} });
  t.teardown(() => client.close());
  const { layers } = (await client.manifest("1")).document as { layers: { digest: string }[] };
  writeFileSync(path.join(store, "views/blob-places"), layers.map(({ digest }) => `${digest} ${host}/nowhere\n`).join(""));
  const { status, stderr } = run("push", "--no-history", "base", `${host}/other:1`);
  t.is(status, 0, stderr);
  t.is(stderr.match(/: Pushed /g)?.length, 2);
});

test("pull takes an image by its digest, and names it with that", async (t) => {
  const { host, ok, run } = await setting(t);
  const { digest } = await putLayeredImage(t, host, { repository: "team/app", tag: "1", sizes: [1000] });
  t.is(ok("pull", `${host}/team/app@${digest}`, "--name", "app:1"), "Pulled image: app:1\n");
  t.regex(ok("ls", "app:1"), /f0/);
  const other = `sha256:${"0".repeat(64)}`;
  t.is(run("pull", `${host}/team/app@${other}`).status, 83);
  t.is(run("pull", `${host}/team/app@sha256:0`).status, 2);
});

test("pull takes this machine's image of an index, or that of --platform", async (t) => {
  const { host, ok, run } = await setting(t);
  const platforms = [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64" },
    { os: "linux", architecture: "riscv64" },
  ];
  const manifests = [];
  for (const [index, platform] of platforms.entries()) {
    const parts = { repository: "team/app", tag: platform.architecture, sizes: [1000 + index], platform };
    const { digest, manifest } = await putLayeredImage(t, host, parts);
    manifests.push({ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: manifest.length, platform });
  }
  const client = new RegistryClient(host, "team/app", { environment: {} });
  t.teardown(() => client.close());
  const mediaType = "application/vnd.oci.image.index.v1+json";
  await client.putManifest("all", Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests })), mediaType);
  const sizes = (name: string): string => JSON.stringify(JSON.parse(ok("--json", "show", "-s", name)));
  ok("pull", `${host}/team/app:all`, "--platform", "linux/arm64", "--name", "arm");
  ok("pull", `${host}/team/app:arm64`, "--name", "wanted");
  t.is(sizes("arm"), sizes("wanted"));
  ok("pull", `${host}/team/app:all`, "--name", "own");
  const own = { x64: "amd64", arm64: "arm64", riscv64: "riscv64" }[process.arch as "x64"];
  ok("pull", `${host}/team/app:${own}`, "--name", "machines");
  t.is(sizes("own"), sizes("machines"));
  const { status, stderr } = run("pull", `${host}/team/app:all`, "--platform", "linux/s390x");
  t.is(status, 40, stderr);
  t.regex(stderr, /linux\/s390x/);
  t.is(run("pull", `${host}/team/app:all`, "--platform", "linux").status, 2);
});
