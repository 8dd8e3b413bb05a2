import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import type { Credentials } from "../../../store/registry/credentials/credentials.js";
import { RegistryClient, type RegistryClientOptions } from "../../../store/registry/registry-client.js";
import { PASSWORD, startRegistry, USER } from "../../helpers/local-registry.js";
import { bytesOf, descriptorOf, pushImage } from "../../helpers/pushed-image.js";
import { testIf } from "../../helpers/requirements.js";
import { IDENTITY, startTokenServer } from "../../helpers/token-server.js";

const test = testIf("docker-registry", "htpasswd", "openssl");
const USER_CREDENTIALS: Credentials = { kind: "password", username: USER, password: PASSWORD };

function clientOf(
  t: ExecutionContext,
  host: string,
  credentials: Credentials | undefined,
  repository = "team/app",
  options: RegistryClientOptions = {},
): RegistryClient {
  const client = new RegistryClient(host, repository, {
    environment: {},
    credentials: () => Promise.resolve(credentials),
    ...options,
  });
  t.teardown(() => client.close());
  return client;
}

async function failureOf(t: ExecutionContext, promise: Promise<unknown>): Promise<VarveError> {
  return (await t.throwsAsync(promise, { instanceOf: VarveError }))!;
}

test("a registry with passwords takes the right one", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const client = clientOf(t, host, USER_CREDENTIALS);
  const { layer, manifest } = await pushImage(client, "v1");
  t.deepEqual((await client.manifest("v1")).bytes, manifest);
  t.true((await bytesOf(client.blob(descriptorOf(layer)))).equals(layer));
});

test("a registry with passwords denies none and a wrong one, and the message has no secret", async (t) => {
  const { host } = await startRegistry(t, { auth: "htpasswd" });
  const none = await failureOf(t, clientOf(t, host, undefined).tags());
  t.is(none.code, "REGISTRY_DENIED");
  t.regex(none.message, /it wants a login/);
  t.is(none.hint, `Log in as a user who may do that: varve login ${host}`);
  const wrong = await failureOf(t, clientOf(t, host, { ...USER_CREDENTIALS, password: "canary" }).tags());
  t.is(wrong.code, "REGISTRY_DENIED");
  t.false(JSON.stringify([wrong.message, wrong.hint, wrong.stack]).includes("canary"));
});

test("tokens: a user pushes, and everybody pulls what is public", async (t) => {
  const { realm, certificate, asked } = await startTokenServer(t);
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const { layer } = await pushImage(clientOf(t, host, USER_CREDENTIALS, "public"), "v1");
  const anybody = clientOf(t, host, undefined, "public");
  t.true((await bytesOf(anybody.blob(descriptorOf(layer)))).equals(layer));
  t.deepEqual(await anybody.tags(), ["v1"]);
  t.is((await failureOf(t, anybody.deleteManifest("sha256:" + "0".repeat(64)))).code, "REGISTRY_DENIED");
  t.is((await failureOf(t, clientOf(t, host, undefined, "team/app").tags())).code, "REGISTRY_DENIED");
  const words = asked.map((request) => Object.fromEntries(request.words));
  t.like(words[0], { service: "registry.test", scope: "repository:public:pull,push", account: USER, client_id: "varve" });
});

test("tokens: one is asked for once for each scope, however many transfers want it", async (t) => {
  const { realm, certificate, asked } = await startTokenServer(t);
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const client = clientOf(t, host, USER_CREDENTIALS);
  await pushImage(client, "v1");
  await Promise.all(Array.from({ length: 10 }, () => client.manifest("v1")));
  const scopes = asked.map(({ words }) => words.get("scope"));
  t.deepEqual([...new Set(scopes)], scopes);
});

test("tokens: one that has run out is replaced", async (t) => {
  const { realm, certificate, asked } = await startTokenServer(t, { lasts: 1 });
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const client = clientOf(t, host, USER_CREDENTIALS);
  await pushImage(client, "v1");
  const before = asked.length;
  t.deepEqual(await client.tags(), ["v1"]);
  t.deepEqual(await client.tags(), ["v1"]);
  t.true(asked.length > before);
});

test("tokens: an identity token gets them by POST", async (t) => {
  const { realm, certificate, asked } = await startTokenServer(t);
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  await pushImage(clientOf(t, host, { kind: "identity", token: IDENTITY }), "v1");
  t.deepEqual([...new Set(asked.map(({ method }) => method))], ["POST"]);
  t.true(asked.every(({ authorization }) => authorization === undefined));
  const wrong = await failureOf(t, clientOf(t, host, { kind: "identity", token: "canary" }).tags());
  t.is(wrong.code, "REGISTRY_DENIED");
  t.false(wrong.message.includes("canary"));
});

test("tokens: a wrong password is denied", async (t) => {
  const { realm, certificate } = await startTokenServer(t);
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const error = await failureOf(t, clientOf(t, host, { ...USER_CREDENTIALS, password: "canary" }).tags());
  t.is(error.code, "REGISTRY_DENIED");
  t.regex(error.message, /refuses the credentials/);
});

test("tokens: blobs come over from another repository", async (t) => {
  const { realm, certificate } = await startTokenServer(t);
  const { host } = await startRegistry(t, { auth: { realm, certificate } });
  const { layer } = await pushImage(clientOf(t, host, USER_CREDENTIALS, "from"), "v1");
  t.true(await clientOf(t, host, USER_CREDENTIALS, "to").mountBlob(descriptorOf(layer).digest, "from"));
});

test("credentials are asked for when the registry wants them, and not before", async (t) => {
  const { host } = await startRegistry(t);
  const credentials = (): never => t.fail() as never;
  t.is(await clientOf(t, host, undefined, "app", { credentials }).headManifest("v1"), undefined);
});
