// push, pull, login and logout against docker's own registry.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { PASSWORD, startRegistry, USER } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

const test = testIf("docker-registry", "htpasswd", "skopeo").serial;

const treeOf = ({ ok }: UserStore, revision: string, ...store: readonly string[]): string =>
  (JSON.parse(ok(...store, "--json", "show", "-s", revision)) as { tree: string }).tree;

test("what one store pushes another pulls: the same trees and history; nothing is sent twice", async (t) => {
  const [made, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { home, ok } = made;
  writeFileSync(path.join(home, "root/new"), "new");
  ok("import", "root", "-b", "base", "-m", "second");
  t.regex(ok("push", "--no-history", "base", `${host}/team/base:1`), /digest: sha256:/);
  const again = JSON.parse(ok("--json", "push", "--no-history", "base", `${host}/team/base:1`)) as { sentBytes: number };
  t.is(again.sentBytes, 0);
  const other = ["--store", path.join(home, "other")];
  t.is(ok(...other, "pull", `${host}/team/base:1`, "-b", "work"), `Pulled image: ${host}/team/base:1\n`);
  t.is(treeOf(made, "work", ...other), treeOf(made, "base"));
  t.is(treeOf(made, "work~1", ...other), treeOf(made, "base~1"));
  t.regex(ok(...other, "log", "work"), /second[\s\S]*base/);
  t.deepEqual((JSON.parse(ok(...other, "--json", "pull", `${host}/team/base:1`)) as { added: number }[])[0]!.added, 0);
  // What came in with its blobs goes out with the same manifest.
  const pulled = (JSON.parse(ok(...other, "--json", "images")) as { manifest: string }[])[0]!.manifest;
  const pushed = JSON.parse(ok(...other, "--json", "push", "--no-history", `${host}/team/base:1`, `${host}/copy`)) as {
    digest: string;
  };
  t.is(pushed.digest, pulled);
  const { status, stderr } = spawnSync(
    "skopeo",
    ["copy", "-q", "--src-tls-verify=false", `docker://${host}/copy`, "oci:layout:v1"],
    { cwd: home, encoding: "utf8" },
  );
  t.is(status, 0, stderr);
});

test("push tells what its tag named before, which is still there", async (t) => {
  const [{ run, home, ok }, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const push = (): { readonly digest: string; readonly replaced: string | null } =>
    JSON.parse(ok("--json", "push", "base", `${host}/app:1`)) as { digest: string; replaced: string | null };
  const first = push();
  t.is(first.replaced, null);
  t.is(push().replaced, null);
  writeFileSync(path.join(home, "root/new"), "new");
  ok("import", "root", "-b", "base", "-m", "second");
  const { status, stderr } = run("push", "base", `${host}/app:1`);
  t.is(status, 0, stderr);
  t.true(stderr.includes(`which is still there: ${host}/app@${first.digest}\n`), stderr);
  t.regex(ok("pull", `${host}/app@${first.digest}`, "-b", "before"), /^Pulled image: /);
});

test("what is pulled by its digest is called by it, in every command", async (t) => {
  const [{ run, ok }, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { digest } = JSON.parse(ok("--json", "push", "--no-history", "base", `${host}/app:1`)) as { digest: string };
  const name = `${host}/app@${digest}`;
  t.is(ok("pull", name), `Pulled image: ${name}\n`);
  t.regex(ok("images", `${host}/app`), new RegExp(`^${host}/app +<none> `, "m"));
  t.is((JSON.parse(ok("--json", "images")) as { reference: string }[])[0]!.reference, name);
  t.is(ok("ls", `${name}:/`), ok("ls", name));
  t.is(ok("diff", "base", name), "");
  t.regex(ok("log", "--oneline", `${name}~0`), /base/);
  // An archive has names with a tag alone: none of this, and no wrong one.
  const [image] = (JSON.parse(ok("--json", "save", name, "-o", "saved.tar")) as { images: { references: string[] }[] }).images;
  t.deepEqual(image!.references, []);
  for (const words of [
    ["save", name, "--name", name, "-o", "other.tar"],
    ["tag", `${host}/b@${digest}`, "base"],
  ])
    t.is(run(...words).status, 2, words.join(" "));
  ok("tag", name, "app:mine");
  t.is(ok("rmi", name), `Untagged: ${name}\n`);
  t.is(ok("diff", "base", "app:mine"), "");
  t.is(run("log", name).status, 20);
  t.is(ok("pull", `${host}/app:1@${digest}`), `Pulled image: ${host}/app:1\n`);
});

test("an image that is not there, a registry that is not there, a name that is none", async (t) => {
  const [{ run, ok }, { host, stop }] = [userStore(t, undefined), await startRegistry(t)];
  ok("push", "base", `${host}/there:1`);
  t.regex(run("pull", `${host}/there:2`).stderr, /Cannot find the manifest "2"/);
  t.regex(run("pull", `${host}/other`).stderr, /Cannot find the manifest "latest" of other/);
  t.true(run("pull", `${host}/there`).stderr.includes(`varve images --remote ${host}/there.`));
  t.is(run("pull", "case/UPPER").status, 2);
  t.is(run("push", "nosuch", `${host}/x`).status, 20);
  t.is(run("push", "base", `${host}/there:1@sha256:0`).status, 2);
  stop();
  t.regex(run("pull", `${host}/there:1`).stderr, /Cannot reach the registry/);
});

test("login keeps credentials that are good, push and pull use them, logout forgets them", async (t) => {
  const [{ home, store, ok }, { host }] = [userStore(t, undefined), await startRegistry(t, { auth: "htpasswd" })];
  const login = (password: string): ReturnType<typeof varve> =>
    varve(["login", host, "-u", USER, "--password-stdin"], { cwd: home, home, input: `${password}\n` });
  const push = (): ReturnType<typeof varve> => varve(["--store", store, "push", "base", `${host}/a:1`], { cwd: home, home });
  ok("--version");
  t.regex(push().stderr, /varve login/);
  const refused = login("wrong");
  t.not(refused.status, 0);
  t.false(refused.stderr.includes("wrong"));
  t.regex(refused.stderr, /Check name and password/);
  const accepted = login(PASSWORD);
  t.is(accepted.status, 0, accepted.stderr);
  t.false((accepted.stdout + accepted.stderr).includes(PASSWORD));
  t.is(push().status, 0);
  t.is(varve(["logout", host], { cwd: home, home }).status, 0);
  t.not(push().status, 0);
});

test("a registry with TLS is believed by the certificates of NODE_EXTRA_CA_CERTS, which its launcher holds back, and without them not", async (t) => {
  const [{ home, store, ok }, { host, authority }] = [userStore(t, undefined), await startRegistry(t, { tls: true })];
  ok("--version");
  const push = (more: Readonly<Record<string, string>>): ReturnType<typeof spawnSync> =>
    spawnSync(BUILT_COMMAND, ["--store", store, "push", "base", `${host}/a:1`], {
      cwd: home,
      env: { ...environmentWithVarve(home), ...more },
      encoding: "utf8",
    });
  const { status, stderr } = push({ NODE_EXTRA_CA_CERTS: authority! });
  t.is(status, 0, String(stderr));
  t.not(push({}).status, 0);
});
