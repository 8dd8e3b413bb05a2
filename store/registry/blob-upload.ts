import { dismiss } from "./answer-body.js";
import type { BlobDescriptor } from "./blob-download.js";
import { BlobReading } from "./blob-reading.js";
import type { Answer } from "./exchange.js";
import { saidDigest } from "./manifest.js";
import { invalidAnswer } from "./registry-fault.js";
import type { RegistryRequest, RegistryRequests } from "./registry-requests.js";
import { PassingFault, Setbacks } from "./retry.js";

/** Above this a blob goes in chunks, so that a cut costs one of them. */
export const CHUNK_BYTES: number = 64 << 20;
/** What a registry may ask for as the least size of a chunk. */
const LARGEST_CHUNK_BYTES = 4 * 1024 ** 3;

export interface BlobSource {
  readonly repository: string;
  readonly descriptor: BlobDescriptor;
  /** The blob's bytes from the first on; called again after a cut. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly chunkBytes: number;
}

interface ReadSource extends BlobSource {
  readonly reading: BlobReading;
}

/** What stands on the registry of an upload that is not done. */
interface Session {
  location: URL;
  /** Bytes that the registry has. */
  offset: number;
  readonly chunkBytes: number;
}

/**
 * Sends a blob. After a cut it asks what has arrived, and goes on there; a registry that no longer knows gets all of it again.
 *
 * @throws VarveError SOURCE_CHANGED for a source that has not the descriptor's size; and as `RegistryRequests.send`.
 */
export async function uploadBlob(requests: RegistryRequests, source: BlobSource): Promise<void> {
  const setbacks = new Setbacks(requests.address.name, requests);
  let session = await begin(requests, source);
  let reached = 0;
  const reading = new BlobReading(source.open);
  try {
    for (;;) {
      try {
        return await sendRest(requests, { ...source, reading }, session);
      } catch (error) {
        await setbacks.after(error, { progressed: session.offset > reached, begun: true });
        reached = Math.max(reached, session.offset);
        const known = await whatArrived(requests, source, session);
        // What it says twice to be elsewhere can't be gone on with.
        const isUsable = known !== undefined && !(error instanceof Misplaced && known.offset === session.offset);
        if (known === undefined && (await isThere(requests, source))) return;
        if (!isUsable) await abandon(requests, source, session);
        session = isUsable ? known : await begin(requests, source);
      }
    }
  } catch (error) {
    await abandon(requests, source, session);
    throw error;
  } finally {
    await reading.close();
  }
}

/** Sends what is missing, then closes the session. */
async function sendRest(requests: RegistryRequests, source: ReadSource, session: Session): Promise<void> {
  const { size, digest } = source.descriptor;
  const isWhole = session.offset === 0 && size <= session.chunkBytes;
  while (!isWhole && session.offset < size) await sendChunk(requests, source, session);
  const { location } = session;
  const closing = new URL(`${location.href}${location.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`);
  const answer = await requests.send({
    ...upload(source, "PUT", closing, [201, 204, 404, 416]),
    body: { length: isWhole ? size : 0, open: isWhole ? source.open : nothing },
  });
  dismiss(answer);
  if (answer.status >= 400) throw new Misplaced();
  const said = saidDigest(answer);
  if (said !== undefined && said.split(":")[0] === digest.split(":")[0] && said !== digest) {
    throw invalidAnswer(requests.address.name, `it took the blob ${digest} for ${said}`);
  }
}

async function sendChunk(requests: RegistryRequests, source: ReadSource, session: Session): Promise<void> {
  const { offset, chunkBytes, location } = session;
  const length = Math.min(chunkBytes, source.descriptor.size - offset);
  const answer = await requests.send({
    ...upload(source, "PATCH", location, [202, 204, 404, 416]),
    headers: { "content-type": "application/octet-stream", "content-range": `${offset}-${offset + length - 1}` },
    body: source.reading.part(offset, length),
  });
  dismiss(answer);
  if (answer.status >= 400) throw new Misplaced();
  session.location = requests.targetOf(answer);
  session.offset = offset + length;
  const arrived = arrivedBytes(answer);
  const isAsSent = arrived === undefined || arrived === session.offset || (arrived === 0 && session.offset === 1);
  if (!isAsSent) throw new Misplaced();
}

/** The registry has another part of the blob than was thought, or forgot the upload: it has to be asked. */
class Misplaced extends PassingFault {
  constructor() {
    super("REGISTRY_INVALID", "Cannot send the blob: the registry has not kept what was sent", {
      hint: "The registry, or a proxy before it, loses what it is sent. Try again.",
    });
  }
}

async function begin(requests: RegistryRequests, source: BlobSource): Promise<Session> {
  const algorithm = source.descriptor.digest.startsWith("sha256:") ? "" : "?digest-algorithm=sha512";
  const path = `/v2/${source.repository}/blobs/uploads/${algorithm}`;
  const answer = await requests.send({ ...upload(source, "POST", path, [202]), once: false });
  dismiss(answer);
  const least = Number(answer.headers["oci-chunk-min-length"] ?? 0);
  const chunkBytes = Math.max(source.chunkBytes, Number.isSafeInteger(least) ? Math.min(least, LARGEST_CHUNK_BYTES) : 0);
  return { location: requests.targetOf(answer), offset: 0, chunkBytes };
}

/** @returns The session as the registry has it; `undefined` when it has none. */
async function whatArrived(requests: RegistryRequests, source: BlobSource, session: Session): Promise<Session | undefined> {
  const asked = { ...upload(source, "GET", session.location, [200, 202, 204, 400, 404, 405, 410, 416]), once: false };
  const answer = await requests.send(asked);
  dismiss(answer);
  const offset = arrivedBytes(answer);
  if (answer.status >= 400 || offset === undefined || offset > source.descriptor.size) return undefined;
  const location = answer.headers.location === undefined ? session.location : requests.targetOf(answer);
  return { ...session, location, offset };
}

/** Whether the cut came after the last byte: the registry was done, and only its answer was lost. */
async function isThere(requests: RegistryRequests, { repository, descriptor }: BlobSource): Promise<boolean> {
  const answer = await requests.send({
    method: "HEAD",
    target: `/v2/${repository}/blobs/${descriptor.digest}`,
    scopes: [`repository:${repository}:pull`],
    expected: [200, 404],
    what: `the blob ${descriptor.digest} of ${repository}`,
  });
  dismiss(answer);
  return answer.status === 200;
}

/** `Range: 0-1023`: 1024 bytes. `0-0` is what registries say of none, and of one byte: then it is sent again. */
function arrivedBytes({ headers }: Answer): number | undefined {
  const [, last] = /^(?:bytes=)?0-(\d{1,15})$/.exec(headers.range ?? "") ?? [];
  if (last === undefined) return undefined;
  return last === "0" ? 0 : Number(last) + 1;
}

/** Lets the registry clear up. Whether it does makes no difference to us. */
async function abandon(requests: RegistryRequests, source: BlobSource, { location }: Session): Promise<void> {
  if (requests.signal.aborted) return;
  try {
    dismiss(await requests.send(upload(source, "DELETE", location, [200, 202, 204])));
  } catch {
    // An upload that is left alone is cleared up by the registry in time.
  }
}

function upload(
  { repository, descriptor }: BlobSource,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  target: string | URL,
  expected: readonly number[],
): RegistryRequest {
  return {
    method,
    target,
    headers: method === "PUT" ? { "content-type": "application/octet-stream" } : {},
    scopes: [`repository:${repository}:pull,push`],
    expected,
    what: `the upload of ${descriptor.digest} to ${repository}`,
    once: true,
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // The closing of a session whose chunks are all there has no body.
}
