import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { isDigest } from "../../core/image/image-reference.js";
import type { Answer } from "./exchange.js";
import { readJsonObject, type JsonObject } from "./read-json.js";
import { invalidAnswer, quoted } from "./registry-fault.js";

/** A manifest or an index, checked: its bytes, its digest and its type belong together. */
export interface RegistryManifest {
  /** As the registry keeps them: what the digest is of. */
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
  readonly document: JsonObject;
}

export interface ManifestHead {
  readonly digest: string | undefined;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number | undefined;
}

/** What registries take at least, and clients should. */
export const LARGEST_MANIFEST_BYTES: number = 4 << 20;

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const INDEXES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST]);
const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;

export const ACCEPTED_MANIFESTS: string = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(", ");

/**
 * @param reference The tag or digest that was asked for.
 * @throws VarveError REGISTRY_INVALID; UNSUPPORTED for schema 1.
 */
export function checkManifest(answer: Answer, bytes: Buffer, reference: string): RegistryManifest {
  const { host } = answer.url;
  const digest = checkedDigest(answer, bytes, reference);
  const type = contentType(answer);
  if (!SCHEMA_1.test(type) && !INDEXES.has(type) && !MANIFESTS.has(type)) {
    throw invalidAnswer(
      host,
      `it gives ${type === "" ? "something without a type" : JSON.stringify(quoted(type))}, wanted a manifest`,
    );
  }
  const document = readJsonObject(bytes, host, "its manifest");
  if (SCHEMA_1.test(type) || document["schemaVersion"] === 1) throw schema1(host);
  if (document["schemaVersion"] !== 2) throw invalidAnswer(host, "its manifest has no schemaVersion 2");
  const fault = shapeFault(document, type);
  if (fault !== undefined) throw invalidAnswer(host, `its manifest ${fault}`);
  return { bytes, digest, mediaType: type, document };
}

/** What is a manifest to one reader must not be an index to another (CVE-2021-41190). */
function shapeFault(document: JsonObject, type: string): string | undefined {
  const own = document["mediaType"];
  if (own !== undefined && own !== type) {
    return `says that it is ${JSON.stringify(quoted(typeof own === "string" ? own : "of no type"))}, but came as ${JSON.stringify(type)}`;
  }
  const isIndex = INDEXES.has(type);
  if (isIndex && ("layers" in document || "config" in document || "fsLayers" in document))
    return "is an index with layers or a config";
  if (!isIndex && ("manifests" in document || "fsLayers" in document)) return "is an image with manifests";
  if (isIndex) return Array.isArray(document["manifests"]) ? undefined : "is an index without manifests";
  return Array.isArray(document["layers"]) && typeof document["config"] === "object" ? undefined : "has no layers or no config";
}

function checkedDigest(answer: Answer, bytes: Buffer, reference: string): string {
  const { host } = answer.url;
  if (isDigest(reference) && digestOf(bytes, reference) !== reference) {
    throw invalidAnswer(host, `its manifest is not ${reference}: its bytes have another digest`);
  }
  const said = saidDigest(answer);
  if (said !== undefined && digestOf(bytes, said) !== said) {
    throw invalidAnswer(host, `it says that the manifest is ${said}, but its bytes have another digest`);
  }
  return isDigest(reference) ? reference : (said ?? digestOf(bytes));
}

/** @param like Whose algorithm is used. */
export function digestOf(bytes: Uint8Array, like = "sha256:"): string {
  const algorithm = like.slice(0, like.indexOf(":"));
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Docker-Content-Digest. @throws VarveError REGISTRY_INVALID for one that can't be checked. */
export function saidDigest({ headers, url }: Answer): string | undefined {
  const said = headers["docker-content-digest"];
  if (said === undefined) return undefined;
  if (typeof said === "string" && isDigest(said)) return said;
  throw invalidAnswer(url.host, "its Docker-Content-Digest is no sha256 or sha512 digest");
}

/** Without parameters, which registries should not send. */
export function contentType({ headers }: Answer): string {
  return (headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
}

export function contentLength({ headers }: Answer): number | undefined {
  const length = Number(headers["content-length"]);
  return headers["content-length"] !== undefined && Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

function schema1(host: string): VarveError {
  return new VarveError(
    "UNSUPPORTED",
    `Cannot read the image of ${JSON.stringify(host)}: it is of schema 1, which has no digest of its config`,
    { hint: "Docker gave schema 1 up in 2019: its digests don't cover the image. Push the image anew with a docker of today." },
  );
}
