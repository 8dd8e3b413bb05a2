import test, { type ExecutionContext } from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import { login } from "../../../store/registry/login.js";
import {
  clientWithCanary,
  hasCanary,
  QUICK,
  serve,
  toldOf,
  CANARY,
  type Answer,
  type Served,
} from "../../helpers/hostile-registry.js";
import { bytesOf, descriptorOf, manifestOf, OCI_MANIFEST, openBytes, sha256Of } from "../../helpers/pushed-image.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const BLOB = Buffer.from("0123456789".repeat(1000));
const MANIFEST = manifestOf(Buffer.from("{}"), [BLOB]);

/** A registry that wants a password, and then answers so. */
const afterLogin =
  (answer: Answer): Answer =>
  (request, response, self) => {
    if (request.headers.authorization !== undefined) return answer(request, response, self);
    response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
  };

const wants =
  (challenge: string | readonly string[]): Answer =>
  (_, response) =>
    void response.writeHead(401, { "www-authenticate": challenge as string }).end();

const leadsTo =
  (location: string, status = 307): Answer =>
  (_, response) =>
    void response.writeHead(status, { location }).end();

/** The registry gets what is meant for it; the other server must not. */
function assertBound(t: ExecutionContext, registry: Served, other: Served, { reached = true } = {}): void {
  t.true(hasCanary(registry.received.join("\n")));
  t.is(other.received.length > 0, reached);
  t.false(hasCanary(other.received.join("\n")));
}

test("a blob that another host has comes without our credentials", async (t) => {
  const other = await serve(t, (_, response) => void response.end(BLOB));
  const registry = await serve(t, afterLogin(leadsTo(`http://${other.host}/storage?signature=1`)));
  t.true((await bytesOf(clientWithCanary(t, registry).blob(descriptorOf(BLOB)))).equals(BLOB));
  assertBound(t, registry, other);
});

test("another host that asks for our credentials does not get them", async (t) => {
  const other = await serve(t, wants('Basic realm="other"'));
  const registry = await serve(t, afterLogin(leadsTo(`http://${other.host}/storage`)));
  const error = await t.throwsAsync(bytesOf(clientWithCanary(t, registry).blob(descriptorOf(BLOB))), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_DENIED");
  assertBound(t, registry, other);
});

test("another host that names a token server of its own does not get our credentials sent there", async (t) => {
  const tokens = await serve(t, (_, response) => void response.end('{"token":"x"}'));
  const other = await serve(t, wants(`Bearer realm="http://${tokens.host}/token",service="s"`));
  const registry = await serve(t, afterLogin(leadsTo(`http://${other.host}/storage`)));
  const error = await t.throwsAsync(bytesOf(clientWithCanary(t, registry).blob(descriptorOf(BLOB))), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_DENIED");
  assertBound(t, registry, other);
  t.deepEqual(tokens.received, []);
});

test("another host that leads back does not make us show our credentials to what it chose", async (t) => {
  const other = await serve(t, (_, response, self) =>
    leadsTo(`http://${registry.host}/v2/secret/manifests/v1`)(_, response, self),
  );
  const registry: Served = await serve(
    t,
    afterLogin((request, response, self) => leadsTo(`http://${other.host}/`)(request, response, self)),
  );
  await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
  const secret = registry.received.filter((text) => text.includes("/v2/secret/"));
  t.true(secret.length > 0);
  t.false(hasCanary(secret.join("\n")));
});

test("an upload whose place is on another host goes there without our credentials", async (t) => {
  const other = await serve(t, (request, response) => void request.resume().on("end", () => response.writeHead(201).end()));
  const registry = await serve(t, afterLogin(leadsTo(`http://${other.host}/upload?id=1`, 202)));
  await clientWithCanary(t, registry).putBlob(descriptorOf(BLOB), openBytes(BLOB));
  assertBound(t, registry, other);
  t.regex(other.received[0] ?? "", /^PUT \/upload\?id=1&digest=sha256%3A/);
});

test("tags of a next page on another host are not asked for", async (t) => {
  const other = await serve(t, (_, response) => void response.end('{"tags":["a"]}'));
  const link = `<http://${other.host}/v2/team/app/tags/list>; rel="next"`;
  const registry = await serve(
    t,
    afterLogin((_, response) => void response.writeHead(200, { link }).end('{"tags":["a"]}')),
  );
  await t.throwsAsync(clientWithCanary(t, registry).tags(), { instanceOf: VarveError });
  assertBound(t, registry, other, { reached: false });
});

test("urls of a layer are not followed", async (t) => {
  const other = await serve(t, (_, response) => void response.end(BLOB));
  const manifest = manifestOf(Buffer.from("{}"), [], { layers: [{ ...descriptorOf(BLOB), urls: [`http://${other.host}/`] }] });
  const registry = await serve(t, (request, response) => {
    if (request.url?.includes("/manifests/")) response.writeHead(200, { "content-type": OCI_MANIFEST }).end(manifest);
    else response.writeHead(404).end();
  });
  const client = clientWithCanary(t, registry);
  await client.manifest("v1");
  t.is((await t.throwsAsync(bytesOf(client.blob(descriptorOf(BLOB))), { instanceOf: VarveError }))?.code, "IMAGE_UNKNOWN");
  t.deepEqual(other.received, []);
});

test("credentials for a token server are not led on to another host", async (t) => {
  const other = await serve(t, (_, response) => void response.end('{"token":"x"}'));
  const tokens = await serve(t, leadsTo(`http://${other.host}/token`));
  const registry = await serve(t, wants(`Bearer realm="http://${tokens.host}/token",service="s"`));
  const error = await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_INVALID");
  assertBound(t, tokens, other, { reached: false });
});

test("a token goes to the registry that it is for", async (t) => {
  const other = await serve(t, (_, response) => void response.end(BLOB));
  const tokens = await serve(t, (_, response) => void response.end(`{"token":"${CANARY}"}`));
  const registry = await serve(t, (request, response, self) => {
    const isKnown = request.headers.authorization === `Bearer ${CANARY}`;
    (isKnown ? leadsTo(`http://${other.host}/`) : wants(`Bearer realm="http://${tokens.host}/token"`))(request, response, self);
  });
  await bytesOf(clientWithCanary(t, registry).blob(descriptorOf(BLOB)));
  assertBound(t, registry, other);
});

const REALMS: Readonly<Record<string, ErrorCode>> = {
  "http://registry.invalid/token": "REGISTRY_INVALID",
  "https://registry.invalid/token": "REGISTRY_INVALID",
  "http://0.0.0.0:1/token": "REGISTRY_INVALID",
  "file:///etc/passwd": "REGISTRY_INVALID",
  "ftp://127.0.0.1/": "REGISTRY_INVALID",
  "http://user:password@127.0.0.1:1/": "REGISTRY_INVALID",
  "/token": "REGISTRY_INVALID",
  "": "REGISTRY_INVALID",
};

for (const [realm, code] of Object.entries(REALMS)) {
  test(`a registry without TLS does not get our credentials sent to the realm ${JSON.stringify(realm)}`, async (t) => {
    const registry = await serve(t, wants(`Bearer realm="${realm}",service="s"`));
    const error = await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
    t.is(error?.code, code);
    t.false(hasCanary(registry.received.join("\n")));
  });
}

const CHALLENGES: Readonly<Record<string, readonly [challenge: string | readonly string[] | undefined, code: ErrorCode]>> = {
  "a password again and again": ['Basic realm="x"', "REGISTRY_DENIED"],
  "a login of a kind that nobody knows": ["Negotiate", "REGISTRY_INVALID"],
  "a digest login": ['Digest realm="x", nonce="y"', "REGISTRY_INVALID"],
  "nothing that it says": ["", "REGISTRY_INVALID"],
  "a login without a kind": ['realm="x"', "REGISTRY_INVALID"],
  "a login of 10 kB": [`Bearer realm="${"x".repeat(10_000)}"`, "REGISTRY_INVALID"],
};

for (const [what, [challenge, code]] of Object.entries(CHALLENGES)) {
  test(`a registry that wants ${what} is asked a few times at most: ${code}`, async (t) => {
    const registry = await serve(t, wants(challenge ?? ""));
    const error = await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
    t.is(error?.code, code);
    t.true(registry.received.length <= 4);
    t.false(hasCanary(toldOf(error)));
  });
}

const TOKENS: Readonly<Record<string, readonly [answer: Answer, code: ErrorCode]>> = {
  "a token that the registry never takes": [(_, response) => void response.end('{"token":"useless"}'), "REGISTRY_DENIED"],
  "a token of 1 MiB": [(_, response) => void response.end(JSON.stringify({ token: "x".repeat(1 << 20) })), "REGISTRY_INVALID"],
  "a token of 100 kB": [(_, response) => void response.end(JSON.stringify({ token: "x".repeat(100_000) })), "REGISTRY_INVALID"],
  "a token with a line feed": [
    (_, response) => void response.end(JSON.stringify({ token: "x\r\nhost: evil" })),
    "REGISTRY_INVALID",
  ],
  "no token": [(_, response) => void response.end("{}"), "REGISTRY_INVALID"],
  "a number for a token": [(_, response) => void response.end('{"token":1}'), "REGISTRY_INVALID"],
  "HTML for a token": [(_, response) => void response.end("<html>"), "REGISTRY_INVALID"],
  "an error": [(_, response) => void response.writeHead(500).end(), "REGISTRY_UNREACHABLE"],
  "a refusal": [(_, response) => void response.writeHead(401, { "www-authenticate": "Basic" }).end(), "REGISTRY_DENIED"],
  "half of a token": [
    (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"token":"x', () => response.destroy());
    },
    "REGISTRY_UNREACHABLE",
  ],
  nothing: [() => undefined, "REGISTRY_UNREACHABLE"],
};

for (const [what, [answer, code]] of Object.entries(TOKENS)) {
  test(`a token server that gives ${what} is asked a few times at most: ${code}`, async (t) => {
    const tokens = await serve(t, answer);
    const registry = await serve(t, wants(`Bearer realm="http://${tokens.host}/token",service="s"`));
    const error = await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
    t.is(error?.code, code, error?.message);
    t.true(tokens.received.length <= 6 && registry.received.length <= 6);
    t.false(hasCanary(toldOf(error)));
    t.false(hasCanary(registry.received.join("\n")));
  });
}

const LOCATIONS: readonly string[] = [
  "file:///etc/passwd",
  "ftp://127.0.0.1/",
  "javascript:1",
  "data:text/plain,x",
  "http://registry.invalid/",
  "http://user:password@127.0.0.1:1/",
  "http://[",
  `/${"x".repeat(9000)}`,
  "",
  "/v2/team/app/manifests/v1",
];

for (const location of LOCATIONS) {
  test(`a redirect to ${JSON.stringify(location.slice(0, 40))} (${location.length}) is REGISTRY_INVALID`, async (t) => {
    const registry = await serve(t, afterLogin(leadsTo(location)));
    const error = await t.throwsAsync(clientWithCanary(t, registry).manifest("v1"), { instanceOf: VarveError });
    t.is(error?.code, "REGISTRY_INVALID", error?.message);
    t.true(registry.received.length < 15);
    t.false(hasCanary(toldOf(error)));
  });
}

test("a redirect within the registry keeps our credentials", async (t) => {
  const registry = await serve(
    t,
    afterLogin((request, response, self) => {
      if (request.url?.endsWith("/v1")) leadsTo(`/v2/team/app/manifests/${sha256Of(MANIFEST)}`, 302)(request, response, self);
      else response.writeHead(200, { "content-type": OCI_MANIFEST }).end(MANIFEST);
    }),
  );
  t.deepEqual((await clientWithCanary(t, registry).manifest("v1")).bytes, MANIFEST);
});

test("login() does not send a password to a realm that it may not know", async (t) => {
  const registry = await serve(t, wants('Bearer realm="https://registry.invalid/token"'));
  const environment = { HOME: temporaryDirectory(t) };
  const attempt = login(registry.host, { username: "user", password: CANARY }, { environment, pace: QUICK });
  const error = await t.throwsAsync(attempt, { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_INVALID");
  t.false(hasCanary(registry.received.join("\n")));
});
