// Registries that only a proxy leads to: it knows registry.test and plain.test, this machine does not.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { NAMED, PASSWORD, startRegistry, USER, type RegistrySetup } from "../helpers/local-registry.js";
import { startProxy, type LocalProxy } from "../helpers/local-proxy.js";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";
import { runVarve, type Ended } from "./running-command.js";

const test = testIf("docker-registry", "openssl", "htpasswd");

const SECRET = "canary-5e1d";
const CREDENTIALS = `me:${SECRET}`;

interface Setting {
  readonly proxy: LocalProxy;
  readonly run: (words: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<Ended>;
  readonly home: string;
}

async function setting(
  t: ExecutionContext,
  given: { readonly credentials?: string; readonly first?: readonly number[]; readonly registry?: RegistrySetup } = {},
): Promise<Setting> {
  const { home, store } = userStore(t, undefined);
  const { registry: setup = { tls: true }, ...rest } = given;
  const { host, authority } = await startRegistry(t, setup);
  const proxy = await startProxy(t, { hosts: { [`${NAMED}:443`]: host, "plain.test:5000": host }, ...rest });
  const trust = authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: authority };
  return {
    proxy,
    home,
    run: (words, environment = { HTTPS_PROXY: `http://${proxy.host}` }) =>
      runVarve(home, ["--store", store, ...words], { ...trust, ...environment }),
  };
}

test("push and pull reach a registry through the proxy of HTTPS_PROXY, which sees a tunnel alone", async (t) => {
  const { proxy, run } = await setting(t);
  const pushed = await run(["push", "base", `${NAMED}/team/web:1`]);
  t.is(pushed.status, 0, pushed.stderr);
  const pulled = await run(["pull", `${NAMED}/team/web:1`, "--name", "again"], { https_proxy: proxy.host });
  t.is(pulled.status, 0, pulled.stderr);
  t.is((await run(["diff", "--exit-code", "base", "again"])).status, 0);
  t.deepEqual([...new Set(proxy.asked)], [`CONNECT ${NAMED}:443`]);
});

test("a proxy gets the credentials of its URL, which nothing prints", async (t) => {
  const { proxy, run } = await setting(t, { credentials: CREDENTIALS });
  const words = ["push", "base", `${NAMED}/team/web:1`];
  const good = await run(words, { HTTPS_PROXY: `http://${CREDENTIALS}@${proxy.host}` });
  t.is(good.status, 0, good.stderr);
  const none = await run(words);
  t.is(none.status, 81);
  t.regex(none.stderr, /through the proxy 127\.0\.0\.1:\d+: it wants credentials/);
  const wrong = await run(["--json", ...words], { HTTPS_PROXY: `http://${CREDENTIALS}x@${proxy.host}` });
  t.is(wrong.status, 81);
  t.regex(wrong.stdout, /it refuses the credentials/);
  for (const { stdout, stderr } of [good, none, wrong]) {
    t.false((stdout + stderr).includes(SECRET));
    t.false((stdout + stderr).includes(Buffer.from(CREDENTIALS).toString("base64").slice(0, 12)));
  }
});

test("NO_PROXY leads around the proxy, and this machine's own registries need none", async (t) => {
  const { proxy, run } = await setting(t);
  const around = await run(["push", "base", `${NAMED}/team/web:1`], { HTTPS_PROXY: proxy.host, NO_PROXY: ".test" });
  t.is(around.status, 80);
  t.regex(around.stderr, /no host has that name|no name server answers/);
  const { host } = await startRegistry(t);
  t.is((await run(["push", "base", `${host}/a:1`], { HTTP_PROXY: proxy.host, HTTPS_PROXY: proxy.host })).status, 0);
  t.deepEqual(proxy.asked, []);
});

test("a registry without TLS is reached through the proxy of HTTP_PROXY, which gets whole URLs; only where it is named as insecure", async (t) => {
  const { proxy, run } = await setting(t, { credentials: CREDENTIALS, registry: {} });
  const through = { HTTP_PROXY: `http://${CREDENTIALS}@${proxy.host}`, HTTPS_PROXY: `http://${CREDENTIALS}@${proxy.host}` };
  const pushed = await run(["push", "--insecure", "plain.test:5000", "base", "plain.test:5000/team/web:1"], through);
  t.is(pushed.status, 0, pushed.stderr);
  const pulled = await run(["pull", "--insecure", "plain.test:5000", "plain.test:5000/team/web:1", "--name", "again"], through);
  t.is(pulled.status, 0, pulled.stderr);
  t.is((await run(["diff", "--exit-code", "base", "again"])).status, 0);
  t.true(proxy.asked.includes("GET http://plain.test:5000/v2/team/web/manifests/1"));
  const before = proxy.asked.length;
  t.is((await run(["pull", "plain.test:5000/team/web:1"], through)).status, 80);
  t.deepEqual([...new Set(proxy.asked.slice(before))], ["CONNECT plain.test:5000"]);
});

test("a proxy that has no way now is asked again; one that refuses is not", async (t) => {
  const { proxy, run } = await setting(t, { first: [503] });
  const waited = await run(["push", "base", `${NAMED}/team/web:1`]);
  t.is(waited.status, 0, waited.stderr);
  const { proxy: strict, run: refused } = await setting(t, { first: [403] });
  const end = await refused(["pull", `${NAMED}/team/web:1`]);
  t.is(end.status, 80);
  t.regex(
    end.stderr,
    /the proxy 127\.0\.0\.1:\d+ stands before it, and it refuses the connection with status 403\nvarve: hint: .*NO_PROXY/,
  );
  t.is(strict.asked.length, 1);
  t.true(proxy.asked.length > 1);
});

test("a proxy that is not there, one of another kind, and a registry that has another certificate behind it", async (t) => {
  const { run, proxy } = await setting(t);
  const words = ["push", "base", `${NAMED}/team/web:1`];
  const absent = await run(words, { HTTPS_PROXY: "http://127.0.0.1:1" });
  t.is(absent.status, 80);
  t.regex(absent.stderr, /the proxy 127\.0\.0\.1:1 stands before it, and nothing listens there/);
  const socks = await run(words, { HTTPS_PROXY: `socks5://${SECRET}@${proxy.host}` });
  t.is(socks.status, 2);
  t.false(socks.stderr.includes(SECRET));
  const untrusted = await run(words, { HTTPS_PROXY: proxy.host, NODE_EXTRA_CA_CERTS: "" });
  t.is(untrusted.status, 80);
  t.regex(untrusted.stderr, /its certificate is not trusted/);
});

test("a registry's own credentials go through the tunnel", async (t) => {
  const { run, home } = await setting(t, { registry: { tls: true, auth: "htpasswd" } });
  const words = ["push", "base", `${NAMED}/team/web:1`];
  const { status, stderr } = await run(words);
  t.is(status, 81, stderr);
  t.regex(stderr, /varve login registry\.test/);
  mkdirSync(path.join(home, ".docker"));
  const auths = { [NAMED]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString("base64") } };
  writeFileSync(path.join(home, ".docker/config.json"), JSON.stringify({ auths }));
  t.is((await run(words)).status, 0);
});
