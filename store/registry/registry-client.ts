import { VarveError } from "../../core/errors.js";
import { isDigest, isRepository, isTag } from "../../core/image/image-reference.js";
import { dismiss } from "./answer-body.js";
import { downloadBlob, type BlobDescriptor } from "./blob-download.js";
import { CHUNK_BYTES, uploadBlob } from "./blob-upload.js";
import { storedCredentials } from "./credentials/stored-credentials.js";
import { listingPages } from "./listing-pages.js";
import {
  ACCEPTED_MANIFESTS,
  checkManifest,
  contentLength,
  contentType,
  digestOf,
  LARGEST_MANIFEST_BYTES,
  OCI_INDEX,
  saidDigest,
  type ManifestHead,
  type RegistryManifest,
} from "./manifest.js";
import { readReferrers, referrersTag, withReferrer, type Referrer } from "./referrers.js";
import { registryAddress } from "./registry-address.js";
import { invalidAnswer } from "./registry-fault.js";
import { objectOf, readJsonObject } from "./read-json.js";
import { RegistryRequests, type RegistryRequest, type RequestOptions } from "./registry-requests.js";
import { bodyOf } from "./token-endpoint.js";

export interface RegistryClientOptions extends Partial<RequestOptions> {
  /** Above this many bytes a blob is sent in chunks of so many. */
  readonly chunkBytes?: number;
}

export interface BlobHead {
  /** Bytes, when the registry says how many. */
  readonly size: number | undefined;
}

const MOST_TAGS = 200_000;
const TAGS_A_PAGE = 1000;

/**
 * One repository of one registry. Everything that comes from it is checked before it is given back; what it leads to gets no credentials.
 *
 * Methods may run at the same time. Each throws VarveError REGISTRY_UNREACHABLE, REGISTRY_DENIED, REGISTRY_INVALID, and INTERRUPTED once the signal
 * is aborted; others are named.
 */
export class RegistryClient {
  readonly #requests: RegistryRequests;
  readonly #repository: string;
  readonly #chunkBytes: number;

  /** @param registry As a person writes it: `docker.io`, `localhost:5000`. @throws VarveError BAD_NAME. */
  constructor(registry: string, repository: string, options: RegistryClientOptions = {}) {
    if (!isRepository(repository))
      throw new VarveError("BAD_NAME", `Cannot use the repository ${JSON.stringify(repository)}: it is none`);
    const credentials = options.credentials ?? storedCredentials(options.environment ?? process.env);
    this.#requests = new RegistryRequests(registryAddress(registry), repository, { ...options, credentials });
    this.#repository = repository;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
  }

  /** Ends requests that are under way, which fail with INTERRUPTED, and connections that are kept. */
  close(): void {
    this.#requests.close();
  }

  /** A manifest or an index. @param reference A tag or a digest. @throws VarveError IMAGE_UNKNOWN; UNSUPPORTED for schema 1. */
  async manifest(reference: string): Promise<RegistryManifest> {
    const request = this.#manifestRequest("GET", reference);
    const { answer, bytes } = await this.#requests.document(request, "its manifest", LARGEST_MANIFEST_BYTES);
    return checkManifest(answer, bytes, reference);
  }

  /** What `manifest` would give, by its own word alone; `undefined` when there is none. */
  async headManifest(reference: string): Promise<ManifestHead | undefined> {
    const request = this.#manifestRequest("HEAD", reference);
    const answer = await this.#requests.send({ ...request, expected: [200, 404] });
    dismiss(answer);
    if (answer.status === 404) return undefined;
    const digest = saidDigest(answer);
    if (isDigest(reference) && digest !== undefined && digest.length === reference.length && digest !== reference) {
      throw invalidAnswer(answer.url.host, `it says that ${reference} is ${digest}`);
    }
    return { digest, mediaType: contentType(answer), size: contentLength(answer) };
  }

  /**
   * Puts a manifest in place, byte by byte; its blobs must be there. One with a subject is found by `referrers` afterwards, whatever the registry.
   *
   * @returns Its digest.
   */
  async putManifest(reference: string, bytes: Buffer, mediaType: string): Promise<string> {
    const answer = await this.#requests.send({
      ...this.#manifestRequest("PUT", reference),
      headers: { "content-type": mediaType },
      body: bodyOf(bytes),
      expected: [201],
    });
    dismiss(answer);
    const said = saidDigest(answer);
    const digest = digestOf(bytes, isDigest(reference) ? reference : said);
    if (said !== undefined && said.length === digest.length && said !== digest) {
      throw invalidAnswer(answer.url.host, `it took the manifest ${digest} for ${said}`);
    }
    const document = readJsonObject(bytes, this.#requests.address.name, "the manifest");
    const subject = objectOf(document["subject"])["digest"];
    if (typeof subject === "string" && isDigest(subject) && answer.headers["oci-subject"] === undefined) {
      await this.#addReferrer(subject, { bytes, digest, mediaType, document });
    }
    return digest;
  }

  /** @param reference A digest, or a tag where the registry allows it. @throws VarveError IMAGE_UNKNOWN; UNSUPPORTED where nothing may be deleted. */
  async deleteManifest(reference: string): Promise<void> {
    const answer = await this.#requests.send({
      ...this.#manifestRequest("DELETE", reference),
      expected: [200, 202, 204, ...(isDigest(reference) ? [405] : [400, 405])],
    });
    dismiss(answer);
    if (answer.status < 400) return;
    throw new VarveError("UNSUPPORTED", `Cannot delete ${JSON.stringify(reference)}: the registry does not let it be deleted`, {
      hint: "Many registries delete by digest alone, and some only when they are set up to.",
    });
  }

  /** All tags, as the registry orders them. A repository that is not there is IMAGE_UNKNOWN. */
  async tags(): Promise<readonly string[]> {
    const tags: string[] = [];
    for await (const { answer, page } of listingPages(
      this.#requests,
      this.#listing(`tags/list?n=${TAGS_A_PAGE}`, "tags", [200]),
    )) {
      const { host } = answer.url;
      const listed = page["tags"] ?? [];
      if (!Array.isArray(listed)) throw invalidAnswer(host, "its list of tags has none");
      if (tags.length + listed.length > MOST_TAGS) throw invalidAnswer(host, `it has more than ${MOST_TAGS} tags`);
      for (const tag of listed as readonly unknown[]) {
        if (typeof tag !== "string" || !isTag(tag)) throw invalidAnswer(host, "one of its tags can't be a tag");
        tags.push(tag);
      }
    }
    return tags;
  }

  /** Manifests whose subject is that one. @param artifactType Those of this type alone. */
  async referrers(digest: string, artifactType?: string): Promise<readonly Referrer[]> {
    requireDigest(digest);
    const all = (await this.#listedReferrers(digest)) ?? (await this.#taggedReferrers(digest));
    return artifactType === undefined ? all : all.filter((referrer) => referrer.artifactType === artifactType);
  }

  /** Its bytes, as they come; the last of them when all are known to be right. @throws VarveError IMAGE_UNKNOWN. */
  blob(descriptor: BlobDescriptor): AsyncIterable<Uint8Array> {
    requireBlob(descriptor);
    return downloadBlob(this.#requests, this.#repository, descriptor);
  }

  /** @returns What the registry says of it; `undefined` when there is none. */
  async headBlob(digest: string): Promise<BlobHead | undefined> {
    requireDigest(digest);
    const answer = await this.#requests.send({
      method: "HEAD",
      target: `/v2/${this.#repository}/blobs/${digest}`,
      scopes: this.#scopes("pull"),
      expected: [200, 404],
      what: `the blob ${digest} of ${this.#repository}`,
    });
    dismiss(answer);
    return answer.status === 404 ? undefined : { size: contentLength(answer) };
  }

  /** Takes a blob over from another repository of the registry. @returns Whether it did: if not, `putBlob` is needed. */
  async mountBlob(digest: string, from: string): Promise<boolean> {
    requireDigest(digest);
    const answer = await this.#requests.send({
      method: "POST",
      target: `/v2/${this.#repository}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`,
      scopes: [...this.#scopes("pull,push"), `repository:${from}:pull`],
      // Who may not read the other repository has to upload.
      expected: [201, 202, 401, 403, 404, 405],
      what: `the blob ${digest} of ${from}`,
    });
    dismiss(answer);
    if (answer.status === 202) await this.#cancel(this.#requests.targetOf(answer));
    return answer.status === 201;
  }

  /** @param open The blob's bytes from the first on; called again after a cut. @throws VarveError SOURCE_CHANGED when they are not as many. */
  async putBlob(descriptor: BlobDescriptor, open: () => AsyncIterable<Uint8Array>): Promise<void> {
    requireBlob(descriptor);
    await uploadBlob(this.#requests, { repository: this.#repository, descriptor, open, chunkBytes: this.#chunkBytes });
  }

  /** `undefined` where the registry knows no such list. */
  async #listedReferrers(digest: string): Promise<readonly Referrer[] | undefined> {
    const found: Referrer[] = [];
    const request = this.#listing(`referrers/${digest}`, "referrers", [200]);
    try {
      for await (const { answer, page } of listingPages(this.#requests, { ...request, headers: { accept: OCI_INDEX } })) {
        if (contentType(answer) !== OCI_INDEX) throw invalidAnswer(answer.url.host, "its list of referrers is no index");
        found.push(...readReferrers(page, answer.url.host, found.length));
      }
    } catch (error) {
      if (error instanceof VarveError && error.code === "IMAGE_UNKNOWN") return undefined;
      throw error;
    }
    return found;
  }

  async #taggedReferrers(digest: string): Promise<readonly Referrer[]> {
    const index = await this.#referrersIndex(digest);
    return index === undefined ? [] : readReferrers(index.document, this.#requests.address.name);
  }

  async #addReferrer(subject: string, manifest: RegistryManifest): Promise<void> {
    const index = withReferrer(await this.#referrersIndex(subject), manifest);
    if (index !== undefined) await this.putManifest(referrersTag(subject), index, OCI_INDEX);
  }

  async #referrersIndex(digest: string): Promise<RegistryManifest | undefined> {
    try {
      const index = await this.manifest(referrersTag(digest));
      if (index.mediaType === OCI_INDEX) return index;
      throw invalidAnswer(this.#requests.address.name, `its list of referrers ${referrersTag(digest)} is no index`);
    } catch (error) {
      if (error instanceof VarveError && error.code === "IMAGE_UNKNOWN") return undefined;
      throw error;
    }
  }

  async #cancel(location: URL): Promise<void> {
    const request = { method: "DELETE" as const, target: location, scopes: this.#scopes("pull,push"), expected: [200, 202, 204] };
    try {
      dismiss(await this.#requests.send({ ...request, what: "the upload", once: true }));
    } catch {
      // The registry clears it up in time.
    }
  }

  #manifestRequest(method: "GET" | "HEAD" | "PUT" | "DELETE", reference: string): RegistryRequest {
    if (!isTag(reference) && !isDigest(reference)) {
      throw new VarveError("BAD_NAME", `Cannot use ${JSON.stringify(reference)}: it is neither a tag nor a digest`);
    }
    const actions = { GET: "pull", HEAD: "pull", PUT: "pull,push", DELETE: "delete,pull" }[method];
    return {
      method,
      target: `/v2/${this.#repository}/manifests/${reference}`,
      headers: { accept: ACCEPTED_MANIFESTS },
      scopes: this.#scopes(actions),
      expected: [200],
      what: `the manifest ${JSON.stringify(reference)} of ${this.#repository}`,
      tagsOf: this.#repository,
    };
  }

  #listing(path: string, what: string, expected: readonly number[]): RegistryRequest {
    const target = `/v2/${this.#repository}/${path}`;
    return { method: "GET", target, scopes: this.#scopes("pull"), expected, what: `${what} of ${this.#repository}` };
  }

  #scopes(actions: string): readonly string[] {
    return [`repository:${this.#repository}:${actions}`];
  }
}

function requireDigest(digest: string): void {
  if (isDigest(digest)) return;
  throw new VarveError(
    "BAD_ID",
    `Cannot use ${JSON.stringify(digest)} as a digest: wanted sha256: or sha512: and lower-case hex digits`,
  );
}

function requireBlob({ digest, size }: BlobDescriptor): void {
  requireDigest(digest);
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new VarveError("BAD_ID", `Cannot use the blob ${digest}: ${JSON.stringify(size)} is no number of bytes`);
}
