import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { clientWithCanary, serve, type Served } from "../../helpers/hostile-registry.js";
import { descriptorOf, openBytes, sha256Of } from "../../helpers/pushed-image.js";

const BLOB = randomBytes(1_000_000);

interface Uploads {
  readonly server: Served;
  /** `METHOD first-last` of each request. */
  readonly requests: readonly string[];
  readonly blob: () => Buffer;
}

/**
 * A registry that keeps each byte that arrives, as the specification wants (Debian's does not), and takes no chunk that is elsewhere.
 *
 * @param cuts After how many bytes in all it breaks a connection off. @param asksFor The least bytes of a chunk.
 */
async function startUploads(t: ExecutionContext, cuts: number[], asksFor = 0): Promise<Uploads> {
  let kept = Buffer.alloc(0);
  let done: Buffer | undefined;
  const requests: string[] = [];
  const server = await serve(t, (request, response) => {
    const { method = "", url = "", headers } = request;
    const range = headers["content-range"] ?? "";
    requests.push(`${method} ${range}`.trim());
    const answer = (status: number): void => {
      const known = { location: `/v2/team/app/blobs/uploads/1?state=${kept.length}`, range: `0-${Math.max(0, kept.length - 1)}` };
      response.writeHead(status, { ...known, ...(asksFor > 0 && { "oci-chunk-min-length": asksFor }) }).end();
    };
    if (method === "HEAD") return void response.writeHead(done === undefined ? 404 : 200).end();
    if (method === "POST") return answer(202);
    if (method === "GET") return answer(204);
    if (range !== "" && Number(range.split("-")[0]) !== kept.length) return void request.resume().on("end", () => answer(416));
    request.on("data", (bytes: Buffer) => {
      kept = Buffer.concat([kept, bytes]);
      if (cuts[0] === undefined || kept.length < cuts[0]) return;
      cuts.shift();
      request.destroy();
    });
    request.on("end", () => {
      const isClosing = method === "PUT";
      const isRight = url.endsWith(`digest=${encodeURIComponent(sha256Of(kept))}`);
      if (isClosing && isRight) done = kept;
      answer(isClosing ? (isRight ? 201 : 400) : 202);
    });
  });
  return { server, requests, blob: () => done ?? Buffer.alloc(0) };
}

test("an upload that is cut goes on with what has not arrived", async (t) => {
  const uploads = await startUploads(t, [300_000, 700_000]);
  await clientWithCanary(t, uploads.server, 500_000).putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.true(uploads.blob().equals(BLOB));
  t.is(uploads.requests.filter((line) => line === "POST").length, 1);
  const begins = uploads.requests.filter((line) => line.startsWith("PATCH")).map((line) => Number(/ (\d+)-/.exec(line)?.[1]));
  t.is(begins[0], 0);
  t.true(begins[1]! >= 300_000 && begins[1]! < 500_000);
  t.deepEqual(
    begins,
    [...begins].sort((one, other) => one - other),
  );
});

test("an upload in one request that is cut goes on in chunks", async (t) => {
  const uploads = await startUploads(t, [300_000]);
  await clientWithCanary(t, uploads.server, 1 << 20).putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.true(uploads.blob().equals(BLOB));
  t.deepEqual(
    uploads.requests.map((line) => line.split(" ")[0]),
    ["POST", "PUT", "GET", "PATCH", "PUT"],
  );
});

test("chunks are as large as the registry wants them at least", async (t) => {
  const uploads = await startUploads(t, [], 400_000);
  await clientWithCanary(t, uploads.server, 1000).putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.true(uploads.blob().equals(BLOB));
  t.deepEqual(uploads.requests, ["POST", "PATCH 0-399999", "PATCH 400000-799999", "PATCH 800000-999999", "PUT"]);
});

test("what is sent in chunks is read once, and once more after a cut; nothing of it stays open", async (t) => {
  for (const [cuts, readings] of [
    [[], 1],
    [[700_000], 2],
  ] as const) {
    const uploads = await startUploads(t, [...cuts]);
    let [opened, closed] = [0, 0];
    await clientWithCanary(t, uploads.server, 400_000).putBlob(descriptorOf(BLOB), async function* () {
      opened += 1;
      try {
        // Its pieces end elsewhere than chunks do.
        for (let at = 0; at < BLOB.length; at += 30_001) yield await Promise.resolve(BLOB.subarray(at, at + 30_001));
      } finally {
        closed += 1;
      }
    });
    t.true(uploads.blob().equals(BLOB));
    t.is(opened, readings);
    t.is(closed, readings);
  }
});

test("an upload whose last answer is lost is not sent again", async (t) => {
  let sent = 0;
  let isThere = false;
  const server = await serve(t, (request, response) => {
    if (request.method === "POST") return void response.writeHead(202, { location: "/v2/team/app/blobs/uploads/1" }).end();
    if (request.method === "HEAD") return void response.writeHead(isThere ? 200 : 404).end();
    if (request.method !== "PUT") return void response.writeHead(404).end();
    sent += 1;
    request.resume().on("end", () => {
      isThere = true;
      response.destroy();
    });
  });
  await clientWithCanary(t, server).putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.is(sent, 1);
});
