import { isDigest } from "../../core/image/image-reference.js";
import { OCI_INDEX, type RegistryManifest } from "./manifest.js";
import { objectOf, type JsonObject } from "./read-json.js";
import { invalidAnswer } from "./registry-fault.js";

/** A manifest that says of itself that it belongs to another one. */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

const MOST_REFERRERS = 10_000;

/** The tag under which a registry without the referrers API has an index of them. */
export function referrersTag(digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** @param before How many earlier pages had. @throws VarveError REGISTRY_INVALID. */
export function readReferrers(index: JsonObject, host: string, before = 0): readonly Referrer[] {
  const { manifests } = index;
  if (!Array.isArray(manifests)) throw invalidAnswer(host, "its list of referrers has no manifests");
  if (before + manifests.length > MOST_REFERRERS) throw invalidAnswer(host, `it has more than ${MOST_REFERRERS} referrers`);
  return manifests.map((value) => readReferrer(value, host));
}

function readReferrer(value: unknown, host: string): Referrer {
  const { mediaType, digest, size, artifactType, annotations } = objectOf(value);
  if (typeof digest !== "string" || !isDigest(digest) || !Number.isSafeInteger(size) || Number(size) < 0) {
    throw invalidAnswer(host, "one of its referrers can't be read");
  }
  const texts = Object.entries(objectOf(annotations)).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return {
    mediaType: typeof mediaType === "string" ? mediaType : "",
    digest,
    size: Number(size),
    artifactType: typeof artifactType === "string" ? artifactType : undefined,
    annotations: Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(texts)),
  };
}

/** The index below the tag, with one more manifest. @param index Undefined when there is none. @returns Undefined when it has that one already. */
export function withReferrer(
  index: RegistryManifest | undefined,
  { document, bytes, digest, mediaType }: RegistryManifest,
): Buffer | undefined {
  const manifests = (index?.document["manifests"] ?? []) as readonly unknown[];
  if (manifests.some((value) => objectOf(value)["digest"] === digest)) return undefined;
  const { artifactType, config, annotations } = document;
  const type = artifactType ?? objectOf(config)["mediaType"];
  const descriptor = { mediaType, digest, size: bytes.length, artifactType: type, annotations };
  const whole = { schemaVersion: 2, mediaType: OCI_INDEX, ...index?.document, manifests: [...manifests, descriptor] };
  return Buffer.from(JSON.stringify(whole));
}
