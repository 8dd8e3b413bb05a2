import { randomBytes } from "node:crypto";
import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { RegistryClient, type RegistryClientOptions } from "../../../store/registry/registry-client.js";
import { startRegistry } from "../../helpers/local-registry.js";
import { bytesOf, descriptorOf, manifestOf, OCI_MANIFEST, openBytes, pushImage, sha256Of } from "../../helpers/pushed-image.js";
import { testIf } from "../../helpers/requirements.js";

const test = testIf("docker-registry");

async function newClient(
  t: ExecutionContext,
  options: RegistryClientOptions = {},
  repository = "team/app",
): Promise<RegistryClient> {
  const { host } = await startRegistry(t);
  return clientOf(t, host, repository, options);
}

function clientOf(t: ExecutionContext, host: string, repository: string, options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient(host, repository, { environment: {}, ...options });
  t.teardown(() => client.close());
  return client;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

test("an image that was pushed comes back byte by byte, by tag and by digest", async (t) => {
  const client = await newClient(t);
  const { layer, manifest, digest } = await pushImage(client, "v1");
  t.is(digest, sha256Of(manifest));
  for (const reference of ["v1", digest]) {
    const found = await client.manifest(reference);
    t.deepEqual([found.bytes, found.digest, found.mediaType], [manifest, digest, OCI_MANIFEST]);
    t.deepEqual(await client.headManifest(reference), { digest, mediaType: OCI_MANIFEST, size: manifest.length });
  }
  t.true((await bytesOf(client.blob(descriptorOf(layer)))).equals(layer));
  t.deepEqual(await client.tags(), ["v1"]);
});

test("a blob is sent whole, in chunks, and empty", async (t) => {
  const client = await newClient(t, { chunkBytes: 100_000 });
  for (const size of [0, 1, 99_999, 100_000, 100_001, 350_000]) {
    const blob = randomBytes(size);
    t.is(await client.headBlob(sha256Of(blob)), undefined);
    await client.putBlob(descriptorOf(blob), openBytes(blob));
    t.deepEqual(await client.headBlob(sha256Of(blob)), { size });
    t.true((await bytesOf(client.blob(descriptorOf(blob)))).equals(blob));
  }
});

test("chunks of one byte arrive, although the registry tells of one byte as of none", async (t) => {
  const client = await newClient(t, { chunkBytes: 1 });
  const blob = Buffer.from("abc");
  await client.putBlob(descriptorOf(blob), openBytes(blob));
  t.true((await bytesOf(client.blob(descriptorOf(blob)))).equals(blob));
});

test("blobs come over from another repository", async (t) => {
  const { host } = await startRegistry(t);
  const [from, to] = [clientOf(t, host, "from"), clientOf(t, host, "to")];
  const { layer } = await pushImage(from, "v1");
  t.true(await to.mountBlob(sha256Of(layer), "from"));
  t.deepEqual(await to.headBlob(sha256Of(layer)), { size: layer.length });
  t.false(await to.mountBlob(sha256Of(Buffer.from("nowhere")), "from"));
});

test("what is not there is IMAGE_UNKNOWN", async (t) => {
  const client = await newClient(t);
  const absent = descriptorOf(Buffer.from("absent"));
  t.is(await codeOf(client.manifest("v1")), "IMAGE_UNKNOWN");
  t.is(await codeOf(client.manifest(absent.digest)), "IMAGE_UNKNOWN");
  t.is(await codeOf(client.tags()), "IMAGE_UNKNOWN");
  t.is(await codeOf(client.deleteManifest(absent.digest)), "IMAGE_UNKNOWN");
  t.is(await codeOf(bytesOf(client.blob(absent))), "IMAGE_UNKNOWN");
  t.is(await client.headManifest("v1"), undefined);
});

test("a manifest is deleted by its digest", async (t) => {
  const client = await newClient(t);
  const { digest } = await pushImage(client, "v1");
  await client.deleteManifest(digest);
  t.is(await client.headManifest(digest), undefined);
});

test("a tag that can't be deleted is UNSUPPORTED", async (t) => {
  const client = await newClient(t);
  await pushImage(client, "v1");
  t.is(await codeOf(client.deleteManifest("v1")), "UNSUPPORTED");
  t.not(await client.headManifest("v1"), undefined);
});

test("a blob that is not what its digest says is refused by the registry", async (t) => {
  const client = await newClient(t);
  const blob = randomBytes(1000);
  const wrong = { ...descriptorOf(blob), digest: sha256Of(Buffer.from("else")) };
  t.is(await codeOf(client.putBlob(wrong, openBytes(blob))), "REGISTRY_INVALID");
  t.is(await client.headBlob(wrong.digest), undefined);
});

test("a source that is shorter or longer than it was is SOURCE_CHANGED, whole and in chunks", async (t) => {
  const blob = randomBytes(1000);
  for (const chunkBytes of [300, 1 << 20]) {
    const client = await newClient(t, { chunkBytes });
    t.is(await codeOf(client.putBlob(descriptorOf(blob), openBytes(blob.subarray(1)))), "SOURCE_CHANGED");
    t.is(await client.headBlob(sha256Of(blob)), undefined);
  }
  const client = await newClient(t);
  t.is(await codeOf(client.putBlob(descriptorOf(blob), openBytes(Buffer.concat([blob, blob])))), "SOURCE_CHANGED");
});

test("what a source throws comes out as it is, and is not tried again", async (t) => {
  const client = await newClient(t);
  let opened = 0;
  const broken = Object.assign(new RangeError("the disk"), { code: "EIO" });
  const open = async function* (): AsyncGenerator<Uint8Array> {
    opened += 1;
    yield randomBytes(10);
    throw broken;
  };
  t.is(await t.throwsAsync(client.putBlob(descriptorOf(randomBytes(100)), open)), broken);
  t.is(opened, 1);
});

test("referrers are found in a registry that has no list of them", async (t) => {
  const client = await newClient(t);
  const { digest, manifest } = await pushImage(client, "v1");
  t.deepEqual(await client.referrers(digest), []);
  const subject = { mediaType: OCI_MANIFEST, digest, size: manifest.length };
  const config = Buffer.from("{}");
  const first = manifestOf(config, [], { subject, artifactType: "application/vnd.test.one", annotations: { of: "one" } });
  const second = manifestOf(config, [], { subject });
  const digests = [first, second].map(sha256Of);
  for (const bytes of [first, second, first]) await client.putManifest(sha256Of(bytes), bytes, OCI_MANIFEST);
  const found = await client.referrers(digest);
  t.deepEqual(
    found.map((referrer) => referrer.digest),
    digests,
  );
  t.like(found[0], { artifactType: "application/vnd.test.one", size: first.length, mediaType: OCI_MANIFEST });
  t.is(found[0]?.annotations["of"], "one");
  t.is(found[1]?.artifactType, "application/vnd.oci.image.config.v1+json");
  t.deepEqual(await client.referrers(digest, "application/vnd.test.one"), [found[0]!]);
});

test("transfers run at the same time", async (t) => {
  const client = await newClient(t);
  const blobs = Array.from({ length: 24 }, () => randomBytes(200_000));
  await Promise.all(blobs.map((blob) => client.putBlob(descriptorOf(blob), openBytes(blob))));
  const back = await Promise.all(blobs.map((blob) => bytesOf(client.blob(descriptorOf(blob)))));
  t.true(back.every((bytes, index) => bytes.equals(blobs[index]!)));
});

test("an aborted signal ends a transfer as INTERRUPTED", async (t) => {
  const stop = new AbortController();
  const client = await newClient(t, { signal: stop.signal });
  const { layer } = await pushImage(client, "v1", 40_000_000);
  const pieces = client.blob(descriptorOf(layer))[Symbol.asyncIterator]();
  await pieces.next();
  stop.abort();
  const rest = (async () => {
    while ((await pieces.next()).done !== true);
  })();
  t.is(await codeOf(rest), "INTERRUPTED");
  t.is(await codeOf(client.manifest("v1")), "INTERRUPTED");
});

test("a loop that is left ends its download", async (t) => {
  const client = await newClient(t);
  const { layer } = await pushImage(client, "v1", 40_000_000);
  for await (const piece of client.blob(descriptorOf(layer))) {
    t.true(piece.length > 0);
    break;
  }
  t.deepEqual(await client.tags(), ["v1"]);
});

test("names and digests that are none are refused before anything is sent", async (t) => {
  t.is(t.throws(() => new RegistryClient("https://a.example", "app"), { instanceOf: VarveError }).code, "BAD_NAME");
  t.is(t.throws(() => new RegistryClient("a.example", "../app"), { instanceOf: VarveError }).code, "BAD_NAME");
  const client = clientOf(t, "127.0.0.1:1", "app");
  for (const name of ["", "a/b", "a?b", "v1\n", "md5:00"]) t.is(await codeOf(client.manifest(name)), "BAD_NAME");
  t.is(t.throws(() => client.blob({ digest: "sha256:00", size: 1 }), { instanceOf: VarveError }).code, "BAD_ID");
  for (const size of [-1, 2 ** 53, 1.5, Number.NaN]) {
    const blob = { digest: sha256Of(Buffer.from("x")), size };
    t.is(t.throws(() => client.blob(blob), { instanceOf: VarveError }).code, "BAD_ID");
  }
});

test("a registry that is not there is REGISTRY_UNREACHABLE at once", async (t) => {
  const client = clientOf(t, "127.0.0.1:1", "app");
  const begun = performance.now();
  const error = await t.throwsAsync(client.tags(), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_UNREACHABLE");
  t.regex(error?.message ?? "", /nothing listens there/);
  t.true(performance.now() - begun < 2000);
});
