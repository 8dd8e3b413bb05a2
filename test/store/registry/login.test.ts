import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { login, logout } from "../../../store/registry/login.js";
import { RegistryClient } from "../../../store/registry/registry-client.js";
import { PASSWORD, startRegistry, USER } from "../../helpers/local-registry.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { IDENTITY, startTokenServer } from "../../helpers/token-server.js";

const REGISTRY = ["docker-registry", "htpasswd", "openssl"] as const;
const test = testIf(...REGISTRY);
const RIGHT = { username: USER, password: PASSWORD };
const ENCODED = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");

function configOf(home: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(home, ".docker/config.json"), "utf8")) as Record<string, unknown>;
}

function environmentOf(home: string): NodeJS.ProcessEnv {
  return { HOME: home, PATH: process.env["PATH"] };
}

async function isLoggedIn(t: ExecutionContext, host: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const client = new RegistryClient(host, "app", { environment });
  t.teardown(() => client.close());
  return client.headManifest("v1").then(
    () => true,
    (error: unknown) => (error as VarveError).code !== "REGISTRY_DENIED",
  );
}

test("login() keeps credentials that the registry takes, for its user alone, and logout() forgets them", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const home = temporaryDirectory(t);
  const environment = environmentOf(home);
  t.false(await isLoggedIn(t, host, environment));
  const file = path.join(home, ".docker/config.json");
  t.deepEqual(await login(host, RIGHT, { environment }), { file, helper: undefined });
  t.deepEqual(configOf(home), { auths: { [host]: { auth: ENCODED } } });
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(statSync(path.dirname(file)).mode & 0o777, 0o700);
  t.true(await isLoggedIn(t, host, environment));
  t.true(await logout(host, { environment }));
  t.deepEqual(configOf(home), { auths: {} });
  t.false(await logout(host, { environment }));
  t.false(await isLoggedIn(t, host, environment));
});

test("login() with wrong credentials keeps nothing and changes nothing", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const home = temporaryDirectory(t);
  const error = await t.throwsAsync(login(host, { ...RIGHT, password: "canary" }, { environment: environmentOf(home) }), {
    instanceOf: VarveError,
  });
  t.is(error?.code, "REGISTRY_DENIED");
  t.false(JSON.stringify([error?.message, error?.stack]).includes("canary"));
  t.false(existsSync(path.join(home, ".docker")));
});

test("login() leaves all else in the file as it is, and a link to it a link", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const home = temporaryDirectory(t);
  const others = { HttpHeaders: { x: "y" }, auths: { "a.example": { auth: "eDp5", email: "z" } }, psFormat: "p", __proto__x: 1 };
  mkdirSync(path.join(home, ".docker"));
  mkdirSync(path.join(home, "dotfiles"));
  writeFileSync(path.join(home, "dotfiles/docker.json"), JSON.stringify(others), { mode: 0o644 });
  symlinkSync("../dotfiles/docker.json", path.join(home, ".docker/config.json"));
  await login(host, RIGHT, { environment: environmentOf(home) });
  t.deepEqual(configOf(home), { ...others, auths: { ...others.auths, [host]: { auth: ENCODED } } });
  t.deepEqual(Object.keys(configOf(home)), Object.keys(others));
  t.true(lstatSync(path.join(home, ".docker/config.json")).isSymbolicLink());
  t.is(statSync(path.join(home, "dotfiles/docker.json")).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(path.join(home, "dotfiles"), "utf8"), ["docker.json"]);
});

test("login() does not replace a file that it can't read", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const home = temporaryDirectory(t);
  mkdirSync(path.join(home, ".docker"));
  writeFileSync(path.join(home, ".docker/config.json"), "{ damaged");
  const environment = environmentOf(home);
  for (const change of [login(host, RIGHT, { environment }), logout(host, { environment })]) {
    t.is((await t.throwsAsync(change, { instanceOf: VarveError }))?.code, "SOURCE_INVALID");
  }
  t.is(readFileSync(path.join(home, ".docker/config.json"), "utf8"), "{ damaged");
});

test("login() to a token server that gives identities keeps one, and no password", async (t) => {
  const { realm, certificate } = await startTokenServer(t, { givesIdentities: true });
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const home = temporaryDirectory(t);
  const environment = environmentOf(home);
  await login(host, RIGHT, { environment });
  t.deepEqual(configOf(home)["auths"], { [host]: { auth: Buffer.from(`${USER}:`).toString("base64"), identitytoken: IDENTITY } });
  t.true(await isLoggedIn(t, host, environment));
});

test("login() and logout() leave the secret to a helper where there is one", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const home = temporaryDirectory(t);
  const bin = path.join(home, "bin");
  mkdirSync(bin);
  mkdirSync(path.join(home, ".docker"));
  writeFileSync(path.join(home, ".docker/config.json"), JSON.stringify({ credHelpers: { [host]: "test" } }));
  const script = `case $1 in
store) cat > ${home}/kept ;;
get) read -r server; [ -e ${home}/kept ] && cat ${home}/kept || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) cat > ${home}/erased; rm ${home}/kept ;;
esac`;
  writeFileSync(path.join(bin, "docker-credential-test"), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(bin, "docker-credential-test"), 0o755);
  const environment = { ...environmentOf(home), PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  t.is((await login(host, RIGHT, { environment })).helper, "test");
  t.deepEqual(JSON.parse(readFileSync(path.join(home, "kept"), "utf8")), { ServerURL: host, Username: USER, Secret: PASSWORD });
  t.deepEqual(configOf(home)["auths"], { [host]: {} });
  t.true(await isLoggedIn(t, host, environment));
  t.true(await logout(host, { environment }));
  t.is(readFileSync(path.join(home, "erased"), "utf8"), host);
  t.deepEqual(configOf(home)["auths"], {});
  t.false(await isLoggedIn(t, host, environment));
});

test("login() refuses names that would become something else in a header", async (t) => {
  for (const [username, password] of [
    ["a:b", "c"],
    ["", "c"],
    ["a\n", "c"],
    ["a", "c\r\nx: y"],
  ] as const) {
    t.is((await t.throwsAsync(login("127.0.0.1:1", { username, password }), { instanceOf: VarveError }))?.code, "BAD_NAME");
  }
});

for (const program of ["podman", "docker"]) {
  const title = `${program} takes what login() keeps, and varve what ${program} login keeps`;
  testIf(...REGISTRY, program)(title, async (t) => {
    const { host } = await startRegistry(t, { auth: "htpasswd" });
    const home = temporaryDirectory(t);
    const environment = { ...environmentOf(home), REGISTRY_AUTH_FILE: path.join(home, ".docker/config.json") };
    const call = (...words: readonly string[]): number | null =>
      spawnSync(program, words, { env: environment, input: PASSWORD, encoding: "utf8" }).status;
    const options = program === "podman" ? ["--tls-verify=false"] : [];
    await login(host, RIGHT, { environment });
    if (program === "podman") t.is(call("login", "--get-login", host), 0);
    t.is(call("logout", host), 0);
    t.false(await isLoggedIn(t, host, environment));
    t.is(call("login", ...options, "-u", USER, "--password-stdin", host), 0);
    t.true(await isLoggedIn(t, host, environment));
    t.true(await logout(host, { environment }));
  });
}
