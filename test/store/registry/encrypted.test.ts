import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { PACE } from "../../../store/registry/pace.js";
import { RegistryClient, type RegistryClientOptions } from "../../../store/registry/registry-client.js";
import { PASSWORD, startRegistry, USER, type LocalRegistry } from "../../helpers/local-registry.js";
import { pushImage } from "../../helpers/pushed-image.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const test = testIf("docker-registry", "openssl");

function clientOf(t: ExecutionContext, { host }: LocalRegistry, options: RegistryClientOptions = {}): RegistryClient {
  const pace = { ...PACE, attempts: 2, firstDelay: 5 };
  const client = new RegistryClient(host, "app", { environment: {}, certificateFolders: [], pace, ...options });
  t.teardown(() => client.close());
  return client;
}

async function failureOf(t: ExecutionContext, promise: Promise<unknown>): Promise<VarveError> {
  return (await t.throwsAsync(promise, { instanceOf: VarveError }))!;
}

function folderWith(t: ExecutionContext, { host, authority }: LocalRegistry): string {
  const folder = temporaryDirectory(t);
  mkdirSync(path.join(folder, host));
  copyFileSync(authority!, path.join(folder, host, "ca.crt"));
  return folder;
}

test("a registry of an authority that is not known is not trusted, on this machine either", async (t) => {
  const registry = await startRegistry(t, { tls: true });
  const error = await failureOf(t, clientOf(t, registry).tags());
  t.is(error.code, "REGISTRY_UNREACHABLE");
  t.regex(error.message, /its certificate is not trusted/);
  t.is(error.hint, `Put the certificate of its authority into /etc/docker/certs.d/${registry.host}/ca.crt.`);
});

test("its authority in certs.d/HOST makes it trusted", async (t) => {
  const registry = await startRegistry(t, { tls: true, auth: "htpasswd" });
  const credentials = (): Promise<{ kind: "password"; username: string; password: string }> =>
    Promise.resolve({ kind: "password", username: USER, password: PASSWORD });
  const client = clientOf(t, registry, { certificateFolders: [folderWith(t, registry)], credentials });
  const { digest } = await pushImage(client, "v1");
  t.is((await client.manifest("v1")).digest, digest);
});

test("an authority in certs.d is trusted for its host alone", async (t) => {
  const [one, other] = [await startRegistry(t, { tls: true }), await startRegistry(t, { tls: true })];
  const folder = folderWith(t, one);
  t.is((await failureOf(t, clientOf(t, other, { certificateFolders: [folder] }).tags())).code, "REGISTRY_UNREACHABLE");
});

for (const name of ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]) {
  test(`the file that ${name} names makes it trusted`, async (t) => {
    const registry = await startRegistry(t, { tls: true });
    const client = clientOf(t, registry, { environment: { [name]: registry.authority } });
    t.is(await client.headManifest("v1"), undefined);
  });
}

test("a certificate for another name is not trusted", async (t) => {
  const registry = await startRegistry(t, { tls: true, address: "0.0.0.0" });
  const host = registry.host.replace("0.0.0.0", "127.0.0.1");
  const error = await failureOf(
    t,
    clientOf(t, { ...registry, host }, { environment: { SSL_CERT_FILE: registry.authority } }).tags(),
  );
  t.regex(error.message, /ERR_TLS_CERT_ALTNAME_INVALID/);
});

test("a registry without TLS that is not on this machine is refused, not spoken to in plain", async (t) => {
  const registry = await startRegistry(t, { address: "0.0.0.0" });
  const error = await failureOf(t, clientOf(t, registry).tags());
  t.is(error.code, "REGISTRY_UNREACHABLE");
  t.regex(error.message, /it does not speak TLS/);
});

test("a registry without TLS is spoken to when its host is named as insecure", async (t) => {
  const registry = await startRegistry(t, { address: "0.0.0.0" });
  const client = clientOf(t, registry, { insecure: new Set([registry.host]) });
  await pushImage(client, "v1");
  t.deepEqual(await client.tags(), ["v1"]);
});

test("a host that is named as insecure has to prove who it is when it speaks TLS", async (t) => {
  const registry = await startRegistry(t, { address: "0.0.0.0", tls: true });
  const error = await failureOf(t, clientOf(t, registry, { insecure: new Set([registry.host]) }).tags());
  t.regex(error.message, /its certificate is not trusted/);
});

test("a client certificate without its key, and a damaged one, are told", async (t) => {
  const registry = await startRegistry(t, { tls: true });
  const folder = folderWith(t, registry);
  const certificate = path.join(folder, registry.host, "client.cert");
  writeFileSync(certificate, "no certificate");
  const missing = await failureOf(t, clientOf(t, registry, { certificateFolders: [folder] }).tags());
  t.is(missing.code, "SOURCE_MISSING");
  writeFileSync(certificate.replace(/cert$/, "key"), "no key");
  const damaged = await failureOf(t, clientOf(t, registry, { certificateFolders: [folder] }).tags());
  t.is(damaged.code, "SOURCE_INVALID");
});

test("a registry that wants to know us is shown client.cert", async (t) => {
  const registry = await startRegistry(t, { tls: "mutual" });
  const environment = { SSL_CERT_FILE: registry.authority };
  t.is((await failureOf(t, clientOf(t, registry, { environment }).tags())).code, "REGISTRY_UNREACHABLE");
  const folder = folderWith(t, registry);
  const own = path.join(folder, registry.host, "client");
  copyFileSync(registry.authority!.replace("authority.crt", "server.crt"), `${own}.cert`);
  copyFileSync(registry.authority!.replace("authority.crt", "server.key"), `${own}.key`);
  t.is(await clientOf(t, registry, { certificateFolders: [folder] }).headManifest("v1"), undefined);
});
