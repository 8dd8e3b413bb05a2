import { createHash, type Hash } from "node:crypto";
import { answerPieces, dismiss } from "./answer-body.js";
import type { Answer } from "./exchange.js";
import { contentLength } from "./manifest.js";
import { invalidAnswer } from "./registry-fault.js";
import type { RegistryRequests } from "./registry-requests.js";
import { Setbacks } from "./retry.js";

/** What is asked for, and what is checked. */
export interface BlobDescriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** So much between two cuts is progress: after it the count of failures begins anew. */
const PROGRESS_BYTES = 1 << 20;

interface Download {
  readonly requests: RegistryRequests;
  readonly repository: string;
  readonly descriptor: BlobDescriptor;
  readonly hash: Hash;
  done: number;
}

/**
 * The bytes of a blob. After a cut it goes on where it was. The last piece is given when all of it is known to be what the descriptor says.
 *
 * @throws VarveError REGISTRY_INVALID for other bytes, or another number of them; and as `RegistryRequests.send`.
 */
export async function* downloadBlob(
  requests: RegistryRequests,
  repository: string,
  descriptor: BlobDescriptor,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(descriptor.digest.slice(0, descriptor.digest.indexOf(":")));
  const download: Download = { requests, repository, descriptor, hash, done: 0 };
  const setbacks = new Setbacks(requests.address.name, requests);
  let held: Uint8Array | undefined;
  for (let begun = 0; held === undefined || download.done < descriptor.size; begun = download.done) {
    try {
      for await (const piece of restOf(download)) {
        if (held !== undefined) yield held;
        held = piece;
      }
      if (descriptor.size === 0) break;
    } catch (error) {
      await setbacks.after(error, { progressed: download.done - begun >= PROGRESS_BYTES, begun: download.done > 0 });
    }
  }
  if (`${descriptor.digest.slice(0, descriptor.digest.indexOf(":"))}:${hash.digest("hex")}` !== descriptor.digest) {
    throw invalidAnswer(requests.address.name, `the blob ${descriptor.digest} has another digest than that`);
  }
  if (held !== undefined) yield held;
}

/** What is still wanted, from one answer. @throws Node's errors for a connection that ends before. */
async function* restOf(download: Download): AsyncGenerator<Uint8Array> {
  const { requests, descriptor, hash } = download;
  const answer = await ask(download);
  let toSkip = startOf(answer, download);
  for await (const whole of answerPieces(answer, requests.pace.idle)) {
    const piece = toSkip >= whole.length ? undefined : whole.subarray(toSkip);
    toSkip -= Math.min(toSkip, whole.length);
    if (piece === undefined) continue;
    if (download.done + piece.length > descriptor.size) throw fault(download, `has more bytes than ${descriptor.size}`);
    download.done += piece.length;
    hash.update(piece);
    yield piece;
  }
  // The end of chunks is one that was meant.
  const isMeant = answer.headers["transfer-encoding"] !== undefined;
  if (download.done < descriptor.size && isMeant)
    throw fault(download, `ends after ${download.done} of ${descriptor.size} bytes`);
  if (download.done < descriptor.size) throw Object.assign(new RangeError("the blob was cut"), { code: "ECONNRESET" });
}

function ask({ requests, repository, descriptor, done }: Download): Promise<Answer> {
  return requests.send({
    method: "GET",
    target: `/v2/${repository}/blobs/${descriptor.digest}`,
    headers: done === 0 ? {} : { range: `bytes=${done}-` },
    scopes: [`repository:${repository}:pull`],
    expected: done === 0 ? [200] : [200, 206],
    what: `the blob ${descriptor.digest} of ${repository}`,
    once: true,
  });
}

/** @returns How many bytes of the answer are known already: a registry may give all of a blob in place of the rest. */
function startOf(answer: Answer, download: Download): number {
  const { done, descriptor } = download;
  const length = contentLength(answer);
  const wanted = answer.status === 206 ? descriptor.size - done : descriptor.size;
  if (length !== undefined && length !== wanted) {
    dismiss(answer);
    throw fault(download, `comes with ${length} bytes, expected ${wanted}`);
  }
  if (answer.status === 200) return done;
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "") ?? [];
  const isAsAsked = Number(first) === done && Number(last) === descriptor.size - 1;
  if (isAsAsked && (size === "*" || Number(size) === descriptor.size)) return 0;
  dismiss(answer);
  throw fault(download, "comes with another range than was asked for");
}

function fault({ requests, descriptor }: Download, state: string): Error {
  return invalidAnswer(requests.address.name, `the blob ${descriptor.digest} ${state}`);
}
