import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../../core/errors.js";
import type { Credentials } from "../../../../store/registry/credentials/credentials.js";
import { DEFAULT_SERVER, storedCredentials } from "../../../../store/registry/credentials/stored-credentials.js";
import { temporaryDirectory } from "../../../helpers/temporary-directory.js";

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });
const password = (username: string, secret: string): Credentials => ({ kind: "password", username, password: secret });

/** A home whose docker has that configuration. */
function homeWith(t: ExecutionContext, config: unknown): string {
  const home = temporaryDirectory(t);
  mkdirSync(path.join(home, ".docker"));
  writeFileSync(path.join(home, ".docker/config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return home;
}

function find(home: string, registry: string, repository?: string, more: object = {}): Promise<Credentials | undefined> {
  return storedCredentials({ HOME: home, PATH: process.env["PATH"], ...more })(registry, repository);
}

/** A program that keeps credentials in a folder, as those of docker-credential-helpers do in key rings. */
function installHelper(t: ExecutionContext, name: string, script: string): { PATH: string } {
  const folder = temporaryDirectory(t);
  writeFileSync(path.join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(folder, `docker-credential-${name}`), 0o755);
  return { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
}

test("credentials are found under the registry's name, and under no other", async (t) => {
  const home = homeWith(t, { auths: { "a.example:5000": auth("user:pass:word"), "b.example": auth("other:secret") } });
  t.deepEqual(await find(home, "a.example:5000"), password("user", "pass:word"));
  t.deepEqual(await find(home, "b.example"), password("other", "secret"));
  for (const name of ["a.example", "a.example:443", "b.example:5000", "example", "c.a.example:5000", "docker.io"]) {
    t.is(await find(home, name), undefined, name);
  }
});

test("credentials of docker's own registry are found under all of its names", async (t) => {
  for (const name of [DEFAULT_SERVER, "docker.io", "index.docker.io", "https://docker.io"]) {
    const home = homeWith(t, { auths: { [name]: auth("user:secret") } });
    t.deepEqual(await find(home, "docker.io"), password("user", "secret"), name);
    t.is(await find(home, "a.example"), undefined);
  }
});

test("a whole URL, as docker wrote them once, is its host; one with another path is none", async (t) => {
  const home = homeWith(t, {
    auths: { "https://a.example/v1/": auth("user:secret"), "https://b.example/other": auth("user:secret") },
  });
  t.deepEqual(await find(home, "a.example"), password("user", "secret"));
  t.is(await find(home, "b.example"), undefined);
});

test("podman's narrower names come first", async (t) => {
  const home = homeWith(t, {
    auths: { "a.example": auth("wide:1"), "a.example/team": auth("team:2"), "a.example/team/app": auth("app:3") },
  });
  t.deepEqual(await find(home, "a.example", "team/app"), password("app", "3"));
  t.deepEqual(await find(home, "a.example", "team/else"), password("team", "2"));
  t.deepEqual(await find(home, "a.example", "teams/app"), password("wide", "1"));
});

test("tokens come before passwords", async (t) => {
  const home = homeWith(t, {
    auths: {
      "a.example": { ...auth("user:"), identitytoken: "identity" },
      "b.example": { ...auth("user:secret"), registrytoken: "token" },
    },
  });
  t.deepEqual(await find(home, "a.example"), { kind: "identity", token: "identity" });
  t.deepEqual(await find(home, "b.example"), { kind: "registry-token", token: "token" });
});

test("files are read in order: REGISTRY_AUTH_FILE, docker's, podman's", async (t) => {
  const home = homeWith(t, { auths: { "a.example": auth("docker:1") } });
  const file = (name: string, user: string): string => {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(
      path.join(home, name),
      JSON.stringify({ auths: { "a.example": auth(`${user}:1`), [`${user}.example`]: auth(`${user}:2`) } }),
    );
    return path.join(home, name);
  };
  const named = { REGISTRY_AUTH_FILE: file("named.json", "named") };
  const runtime = { XDG_RUNTIME_DIR: path.dirname(path.dirname(file("run/containers/auth.json", "podman"))) };
  const docker = { DOCKER_CONFIG: path.dirname(file("other/config.json", "other")) };
  t.deepEqual(await find(home, "a.example", undefined, { ...named, ...runtime }), password("named", "1"));
  t.deepEqual(await find(home, "a.example", undefined, runtime), password("docker", "1"));
  t.deepEqual(await find(home, "podman.example", undefined, runtime), password("podman", "2"));
  t.deepEqual(await find(home, "a.example", undefined, docker), password("other", "1"));
});

test("what is no credential is passed over", async (t) => {
  const entries = [{}, { auth: 1 }, { auth: "" }, auth("nocolon"), auth(":secret"), auth("user:\nhost=evil"), "text", null, []];
  for (const entry of entries)
    t.is(await find(homeWith(t, { auths: { "a.example": entry } }), "a.example"), undefined, JSON.stringify(entry));
  for (const auths of [null, [], "x", 1]) t.is(await find(homeWith(t, { auths }), "a.example"), undefined);
  t.is(await find(homeWith(t, ""), "a.example"), undefined);
  t.is(await find(homeWith(t, '{"auths":{"__proto__":{"auth":"dXNlcjpzZWNyZXQ="}}}'), "a.example"), undefined);
  t.is(await find(temporaryDirectory(t), "a.example"), undefined);
});

test("a file that is no JSON is told, without its content", async (t) => {
  const error = await t.throwsAsync(find(homeWith(t, '{"auths": canary'), "a.example"), { instanceOf: VarveError });
  t.is(error?.code, "SOURCE_INVALID");
  t.false(JSON.stringify([error?.message, error?.stack, error?.cause]).includes("canary"));
});

test("a FIFO in the place of the file does not hang", async (t) => {
  const home = temporaryDirectory(t);
  mkdirSync(path.join(home, ".docker"));
  spawnSync("mkfifo", [path.join(home, ".docker/config.json")]);
  t.is((await t.throwsAsync(find(home, "a.example"), { instanceOf: VarveError }))?.code, "SOURCE_INVALID");
});

test("a helper is asked for its registry, by its name alone", async (t) => {
  const home = homeWith(t, { credHelpers: { "a.example": "own" }, credsStore: "all" });
  const log = path.join(home, "log");
  const answer = (user: string): string =>
    `printf '${user} %s %s\\n' "$1" "$(cat)" >> ${log}; echo '{"Username":"${user}","Secret":"secret"}'`;
  const own = installHelper(t, "own", answer("own"));
  const all = installHelper(t, "all", answer("all"));
  const PATH = `${own.PATH}:${all.PATH}`;
  t.deepEqual(await find(home, "a.example", "app", { PATH }), password("own", "secret"));
  t.deepEqual(await find(home, "docker.io", "app", { PATH }), password("all", "secret"));
  t.is(readFileSync(log, "utf8"), `own get a.example\nall get ${DEFAULT_SERVER}\n`);
});

test("a helper's <token> is an identity token, and what it does not have may stand in the file", async (t) => {
  const identity = installHelper(t, "x", `echo '{"ServerURL":"a.example","Username":"<token>","Secret":"identity"}'`);
  const home = homeWith(t, { credsStore: "x", auths: { "a.example": auth("user:secret") } });
  t.deepEqual(await find(home, "a.example", undefined, identity), { kind: "identity", token: "identity" });
  const without = installHelper(t, "x", "echo 'credentials not found in native keychain'; exit 1");
  t.deepEqual(await find(home, "a.example", undefined, without), password("user", "secret"));
});

const BROKEN: Readonly<Record<string, string>> = {
  "fails with a secret on its output": "echo canary; exit 3",
  "prints no JSON": "echo canary",
  "prints an array": "echo '[\"canary\"]'",
  "prints null": "echo null",
  "has a line feed in its secret": `printf '{"Username":"canary","Secret":"a\\\\nhost=evil"}'`,
  "has no secret": `echo '{"Username":"canary"}'`,
  "prints without end": "yes canary",
  "is killed": "kill -9 $$",
};

for (const [what, script] of Object.entries(BROKEN)) {
  test(`a helper that ${what} is REGISTRY_DENIED, and nothing of it is told`, async (t) => {
    const home = homeWith(t, { credsStore: "x" });
    const error = await t.throwsAsync(find(home, "a.example", undefined, installHelper(t, "x", script)), {
      instanceOf: VarveError,
    });
    t.is(error?.code, "REGISTRY_DENIED");
    t.false(JSON.stringify([error?.message, error?.hint, error?.stack, error?.cause]).includes("canary"));
  });
}

test("a helper that is not installed, or is a path, is told with what to do", async (t) => {
  for (const name of ["absent-helper", "../x", "/bin/sh", "a b", "-x"]) {
    const error = await t.throwsAsync(find(homeWith(t, { credsStore: name }), "a.example"), { instanceOf: VarveError });
    t.is(error?.code, "REGISTRY_DENIED", name);
    t.regex(error?.hint ?? "", /credsStore/);
  }
});
