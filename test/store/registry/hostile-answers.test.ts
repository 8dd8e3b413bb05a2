import { gzipSync } from "node:zlib";
import test from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import type { RegistryClient } from "../../../store/registry/registry-client.js";
import { clientWithCanary, hasCanary, serve, serveBytes, toldOf, type Answer } from "../../helpers/hostile-registry.js";
import { bytesOf, descriptorOf, manifestOf, OCI_MANIFEST, openBytes, sha256Of } from "../../helpers/pushed-image.js";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const BLOB = Buffer.from("0123456789".repeat(1000));
const MANIFEST = manifestOf(Buffer.from("{}"), [BLOB]);

type Act = (client: RegistryClient) => Promise<unknown>;
const manifest: Act = (client) => client.manifest("v1");
const tags: Act = (client) => client.tags();
const blob: Act = (client) => bytesOf(client.blob(descriptorOf(BLOB)));
const upload: Act = (client) => client.putBlob(descriptorOf(BLOB), openBytes(BLOB));
const referrers: Act = (client) => client.referrers(sha256Of(MANIFEST));

const gives =
  (body: string | Buffer, headers: Record<string, string> = {}, status = 200): Answer =>
  (_, response) =>
    void response.writeHead(status, { "content-type": OCI_MANIFEST, ...headers }).end(body);

const json = (value: unknown, type: string): Answer => gives(JSON.stringify(value), { "content-type": type });

/** Sends until nobody listens. */
const endless =
  (headers: Record<string, string>, begin = "", status = 200): Answer =>
  (_, response) => {
    const piece = " ".repeat(1 << 16);
    response.writeHead(status, headers);
    response.write(begin);
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  };

const isImage = { schemaVersion: 2, config: descriptorOf(BLOB), layers: [] };

interface Case {
  readonly answer: Answer;
  readonly act: Act;
  readonly code: ErrorCode;
  readonly says?: RegExp;
}

const invalid = (act: Act, answer: Answer, says?: RegExp): Case => ({
  answer,
  act,
  code: "REGISTRY_INVALID",
  ...(says && { says }),
});
const away = (act: Act, answer: Answer, says?: RegExp): Case => ({
  answer,
  act,
  code: "REGISTRY_UNREACHABLE",
  ...(says && { says }),
});
const refused = (act: Act, answer: Answer, says?: RegExp): Case => ({
  answer,
  act,
  code: "REGISTRY_DENIED",
  ...(says && { says }),
});

const cases: Readonly<Record<string, Case>> = {
  // Manifests.
  "HTML for a manifest": invalid(manifest, gives("<html>log in</html>", { "content-type": "text/html" }), /"text\/html"/),
  "a manifest without a type": invalid(manifest, (_, response) => void response.end(MANIFEST), /without a type/),
  "a manifest of the type of any JSON": invalid(manifest, gives(MANIFEST, { "content-type": "application/json" })),
  "an empty manifest": invalid(manifest, gives(""), /no JSON/),
  "a truncated manifest": invalid(manifest, gives(MANIFEST.subarray(0, -1)), /no JSON/),
  "an array for a manifest": invalid(manifest, gives("[]"), /no JSON object/),
  "null for a manifest": invalid(manifest, gives("null"), /no JSON object/),
  "a manifest with a byte order mark": invalid(manifest, gives(`\ufeff${MANIFEST.toString()}`), /no JSON/),
  "a manifest that is no UTF-8": invalid(manifest, gives(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), /no JSON/),
  "a manifest with NaN": invalid(manifest, gives('{"schemaVersion":NaN}'), /no JSON/),
  "a manifest with a trailing comma": invalid(manifest, gives('{"schemaVersion":2,}'), /no JSON/),
  "a manifest with a key twice": invalid(manifest, gives(`{"schemaVersion":1,${MANIFEST.toString().slice(1)}`), /a key twice/),
  "a manifest with a key twice, once escaped": invalid(manifest, gives('{"layers":[],"\\u006cayers":[]}'), /a key twice/),
  "a manifest 100,000 deep": invalid(manifest, gives(`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`), /deeper/),
  "a manifest with a text of 5 MB": invalid(manifest, gives(`{"a":"${"x".repeat(5e6)}"}`), /larger than/),
  "a manifest with a text of 4 MB full of escapes": invalid(manifest, gives(`{"a":"${'\\"'.repeat(2e6)}"}`), /schemaVersion/),
  "a manifest without end": invalid(manifest, endless({ "content-type": OCI_MANIFEST }), /larger than/),
  "a manifest that says it has 10 GB": invalid(
    manifest,
    endless({ "content-type": OCI_MANIFEST, "content-length": "10000000000" }),
    /larger than/,
  ),
  "a manifest that is a gzip bomb": invalid(
    manifest,
    gives(gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" }),
    /compressed/,
  ),
  "an image with manifests": invalid(manifest, json({ ...isImage, manifests: [] }, OCI_MANIFEST), /image with manifests/),
  "a docker image with manifests": invalid(
    manifest,
    json({ ...isImage, manifests: [] }, DOCKER_MANIFEST),
    /image with manifests/,
  ),
  "an index with layers": invalid(
    manifest,
    json({ schemaVersion: 2, manifests: [], layers: [] }, OCI_INDEX),
    /index with layers/,
  ),
  "an index with a config": invalid(
    manifest,
    json({ schemaVersion: 2, manifests: [], config: {} }, OCI_INDEX),
    /index with layers/,
  ),
  "an index without manifests": invalid(manifest, json({ schemaVersion: 2 }, OCI_INDEX), /without manifests/),
  "an image without layers": invalid(manifest, json({ schemaVersion: 2, config: {} }, OCI_MANIFEST), /no layers/),
  "a type that the manifest contradicts": invalid(
    manifest,
    json({ ...isImage, mediaType: OCI_MANIFEST }, DOCKER_MANIFEST),
    /but came as/,
  ),
  "a mediaType that is no text": invalid(manifest, json({ ...isImage, mediaType: [OCI_MANIFEST] }, OCI_MANIFEST), /of no type/),
  "a lie about the digest": invalid(manifest, gives(MANIFEST, { "docker-content-digest": sha256Of(BLOB) }), /another digest/),
  "a digest of an algorithm that nobody checks": invalid(
    manifest,
    gives(MANIFEST, { "docker-content-digest": `md5:${"0".repeat(32)}` }),
  ),
  "another manifest than the digest names": invalid(
    (client) => client.manifest(sha256Of(BLOB)),
    gives(MANIFEST),
    /another digest/,
  ),
  "another digest for a HEAD": invalid(
    (client) => client.headManifest(sha256Of(BLOB)),
    gives("", { "docker-content-digest": sha256Of(MANIFEST) }),
  ),
  "another digest for what was put": invalid(
    (client) => client.putManifest("v1", MANIFEST, OCI_MANIFEST),
    gives("", { "docker-content-digest": sha256Of(BLOB) }, 201),
    /took the manifest/,
  ),
  "schema 1 by its type": {
    answer: json({ schemaVersion: 1, fsLayers: [] }, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    act: manifest,
    code: "UNSUPPORTED",
    says: /schema 1/,
  },
  "schema 1 under another type": {
    answer: json({ schemaVersion: 1 }, OCI_MANIFEST),
    act: manifest,
    code: "UNSUPPORTED",
    says: /schema 1/,
  },
  // Listings.
  "HTML for tags": invalid(tags, gives("<html>"), /no JSON/),
  "a million tags": invalid(
    tags,
    json({ tags: Array.from({ length: 1e6 }, (_, at) => `v${at}`) }, "application/json"),
    /larger|more than/,
  ),
  "tags that are no texts": invalid(tags, json({ tags: [1] }, "application/json"), /can't be a tag/),
  "tags that are paths": invalid(tags, json({ tags: ["../../etc/passwd"] }, "application/json"), /can't be a tag/),
  "tags with line feeds": invalid(tags, json({ tags: ["a\nb"] }, "application/json"), /can't be a tag/),
  "tags in an object": invalid(tags, json({ tags: { length: 1 } }, "application/json")),
  "tags that lead to themselves": invalid(
    tags,
    gives('{"tags":["a"]}', { link: '</v2/team/app/tags/list?n=1>; rel="next"' }),
    /circle/,
  ),
  "tags that lead elsewhere": invalid(
    tags,
    gives('{"tags":["a"]}', { link: '<http://127.0.0.1:1/v2/team/app/tags/list>; rel="next"' }),
    /elsewhere/,
  ),
  "tags that lead to another list": invalid(
    tags,
    gives('{"tags":["a"]}', { link: '</v2/other/tags/list>; rel="next"' }),
    /elsewhere/,
  ),
  "tags that lead on forever": invalid(
    tags,
    (request, response) => {
      const at = Number(/n=(\d+)/.exec(request.url ?? "")?.[1]) + 1;
      response.writeHead(200, { link: `</v2/team/app/tags/list?n=${at}>; rel="next"` }).end("{}");
    },
    /pages/,
  ),
  "referrers that are an image": invalid(referrers, gives(MANIFEST), /no index/),
  "referrers without digests": invalid(referrers, json({ schemaVersion: 2, manifests: [{}] }, OCI_INDEX), /can't be read/),
  "referrers in pages, too many together": invalid(
    referrers,
    (request, response) => {
      const at = Number(/n=(\d+)/.exec(request.url ?? "")?.[1] ?? 0);
      const manifests = Array.from({ length: 6000 }, () => descriptorOf(BLOB));
      response
        .writeHead(200, { "content-type": OCI_INDEX, link: `<?n=${at + 1}>; rel="next"` })
        .end(JSON.stringify({ schemaVersion: 2, manifests }));
    },
    /more than 10000 referrers/,
  ),
  "pages that are too large together": invalid(
    referrers,
    (request, response) => {
      const at = Number(/n=(\d+)/.exec(request.url ?? "")?.[1] ?? 0);
      response
        .writeHead(200, { "content-type": OCI_INDEX, link: `<?n=${at + 1}>; rel="next"` })
        .end(JSON.stringify({ schemaVersion: 2, manifests: [], text: "x".repeat(7 << 20) }));
    },
    /larger than 33554432 bytes/,
  ),
  "referrers without end": invalid(referrers, endless({ "content-type": OCI_INDEX }), /larger than/),
  // Blobs.
  "a blob of another digest": invalid(blob, gives(Buffer.from(BLOB).fill("x", 5, 6)), /another digest/),
  "a blob that is longer": invalid(blob, endless({}, BLOB.toString()), /more bytes/),
  "a blob with one byte more by its length": invalid(
    blob,
    gives(Buffer.concat([BLOB, Buffer.from("\0")]), { "content-length": "10001" }),
    /comes with 10001 bytes/,
  ),
  "a blob with one byte more": invalid(blob, gives(Buffer.concat([BLOB, Buffer.from("\0")])), /more bytes than 10000/),
  "a blob that is shorter by its length": invalid(
    blob,
    gives(BLOB.subarray(1), { "content-length": "9999" }),
    /comes with 9999 bytes/,
  ),
  "a blob that is shorter": invalid(blob, gives(BLOB.subarray(1)), /ends after 9999 of 10000/),
  "a part for a whole blob": invalid(blob, gives(BLOB, { "content-range": "bytes 0-9999/10000" }, 206), /status 206/),
  "HTML for a blob": invalid(blob, gives("<html>", { "content-type": "text/html" }), /ends after 6 of/),
  "a blob that never is as long as it should be": away(blob, (_, response) => {
    response.writeHead(200, { "content-length": String(BLOB.length) });
    response.write(BLOB.subarray(0, 10), () => response.destroy());
  }),
  "a blob that stands still": away(blob, (_, response) => {
    response.writeHead(200, { "content-length": String(BLOB.length) });
    response.write(BLOB.subarray(0, 10));
  }),
  "a blob that drips": away(blob, (_, response) => {
    response.writeHead(200, { "content-length": String(BLOB.length) });
    const drip = setInterval(() => void response.write("0"), 100);
    response.once("close", () => clearInterval(drip));
  }),
  "another range than was asked for": invalid(
    blob,
    (request, response) => {
      if (request.headers.range !== undefined) {
        return void response.writeHead(206, { "content-range": "bytes 0-9989/10000" }).end(BLOB.subarray(0, 9990));
      }
      response.writeHead(200, { "content-length": String(BLOB.length) });
      response.write(BLOB.subarray(0, 10), () => response.destroy());
    },
    /another range/,
  ),
  // Uploads.
  "an upload without a place": invalid(upload, gives("", {}, 202), /does not say where/),
  "an upload to a file": invalid(upload, gives("", { location: "file:///etc/passwd" }, 202), /file: URL/),
  "an upload with a redirect elsewhere": invalid(
    upload,
    gives("", { location: "http://127.0.0.1:1/" }, 307),
    /leads a POST elsewhere/,
  ),
  "an upload that is always misplaced": invalid(
    (client) => client.putBlob(descriptorOf(Buffer.concat([BLOB, BLOB])), openBytes(Buffer.concat([BLOB, BLOB]))),
    (request, response) => {
      const status = { POST: 202, GET: 204 }[request.method ?? ""] ?? 416;
      request
        .resume()
        .on("end", () => response.writeHead(status, { location: "/v2/team/app/blobs/uploads/1", range: "0-5" }).end());
    },
  ),
  "an upload whose bytes never arrive": invalid(
    (client) => client.putBlob({ ...descriptorOf(BLOB), size: BLOB.length }, openBytes(BLOB)),
    (request, response) => {
      const status = { POST: 202, PATCH: 202, GET: 204 }[request.method ?? ""] ?? 404;
      request
        .resume()
        .on("end", () => response.writeHead(status, { location: "/v2/team/app/blobs/uploads/1", range: "0-1" }).end());
    },
  ),
  // Waiting.
  "429 with a wait of a billion seconds": away(
    manifest,
    gives("", { "retry-after": "1000000000" }, 429),
    /wait 1,000,000,000 seconds/,
  ),
  "429 until the year 9999": away(manifest, gives("", { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, 429), /asks to wait/),
  "503 forever": away(manifest, gives("", { "retry-after": "-1" }, 503), /503/),
  "429 for a blob": away(blob, gives("", { "retry-after": "soon" }, 429), /429/),
  "503 for an upload": away(upload, gives("", {}, 503), /503/),
  "nothing at all": away(manifest, () => undefined, /does not answer/),
  "an end without an answer": away(manifest, (_, response) => void response.destroy(), /broke off/),
  // Refusals.
  "a refusal that repeats our secret": refused(
    manifest,
    (request, response) => {
      const { authorization = "" } = request.headers;
      if (authorization === "") return void response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      response
        .writeHead(403)
        .end(JSON.stringify({ errors: [{ code: "DENIED", message: `you sent ${authorization}, \u001b[31mred` }] }));
    },
    /\(DENIED: you sent Basic \*\*\*, +\[31mred\)/,
  ),
  "a refusal without end": refused(manifest, endless({}, "", 403)),
  "a status that means nothing": invalid(manifest, gives("", {}, 299), /status 299/),
};

for (const [what, { answer, act, code, says }] of Object.entries(cases)) {
  test(`${what}: ${code}`, async (t) => {
    const server = await serve(t, answer);
    const error = await t.throwsAsync(act(clientWithCanary(t, server, 4000)), { instanceOf: VarveError });
    t.is(error?.code, code, error?.message);
    if (says) t.regex(error?.message ?? "", says);
    t.false(hasCanary(toldOf(error)));
    t.true(error!.message.length < 600 && !/[\u0000-\u001f]/.test(error!.message));
  });
}

const RAW: Readonly<Record<string, readonly [bytes: string | undefined, code: ErrorCode]>> = {
  "no HTTP": ["SSH-2.0-OpenSSH_9.2\r\n", "REGISTRY_INVALID"],
  "a head of 64 KB": [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(65_536)}\r\n\r\n`, "REGISTRY_INVALID"],
  "10,000 headers": [`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(10_000)}\r\n`, "REGISTRY_INVALID"],
  "two lengths": ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "REGISTRY_INVALID"],
  "a length and chunks": [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "REGISTRY_INVALID",
  ],
  "a negative length": ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "REGISTRY_INVALID"],
  "a NUL in a header": ["HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", "REGISTRY_INVALID"],
  "a chunk of 2^64 bytes": [
    `HTTP/1.1 200 OK\r\nContent-Type: ${OCI_MANIFEST}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx`,
    "REGISTRY_UNREACHABLE",
  ],
  silence: [undefined, "REGISTRY_UNREACHABLE"],
};

for (const [what, [bytes, code]] of Object.entries(RAW)) {
  test(`a server that answers with ${what}: ${code}`, async (t) => {
    const error = await t.throwsAsync(manifest(clientWithCanary(t, await serveBytes(t, bytes))), { instanceOf: VarveError });
    t.is(error?.code, code, error?.message);
  });
}

test("a registry that gives all of a blob in place of its rest is understood", async (t) => {
  let asked = 0;
  const server = await serve(t, (_, response) => {
    asked += 1;
    response.writeHead(200, { "content-length": String(BLOB.length) });
    if (asked > 1) response.end(BLOB);
    else response.write(BLOB.subarray(0, 5000), () => response.destroy());
  });
  t.true(((await blob(clientWithCanary(t, server))) as Buffer).equals(BLOB));
  t.is(asked, 2);
});

test("a registry that asks to wait a moment is waited for", async (t) => {
  let asked = 0;
  const server = await serve(t, (request, response, self) => {
    asked += 1;
    if (asked === 1) response.writeHead(429, { "retry-after": "0" }).end();
    else if (asked === 2) response.writeHead(503).end();
    else gives(MANIFEST)(request, response, self);
  });
  t.deepEqual((await clientWithCanary(t, server).manifest("v1")).bytes, MANIFEST);
});

test("a registry that asks to wait for too long is asked once", async (t) => {
  const server = await serve(t, gives("", { "retry-after": "1000000000" }, 429));
  await t.throwsAsync(manifest(clientWithCanary(t, server)), { instanceOf: VarveError });
  t.is(server.received.length, 1);
});
