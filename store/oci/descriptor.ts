/** What a descriptor of the OCI image specification says, checked. */
export interface Descriptor {
  readonly mediaType: string;
  readonly algorithm: "sha256" | "sha512";
  /** Lower-case digits, as many as the algorithm has. */
  readonly hex: string;
  /** Bytes. */
  readonly size: number;
  readonly architecture: string | undefined;
  readonly os: string | undefined;
  readonly variant?: string | undefined;
  /** A whole image reference: containerd's annotation, or the other one when it is more than a tag. */
  readonly reference?: string | undefined;
  /** `org.opencontainers.image.ref.name`: a tag, or a whole image reference. */
  readonly name: string | undefined;
}

const DIGEST = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/;
const REF_NAME = "org.opencontainers.image.ref.name";
/** What containerd, and docker since it uses that, write. */
const IMAGE_NAME = "io.containerd.image.name";
const LONGEST_TEXT = 1000;

/** @returns `undefined` for what is none. */
export function readDescriptor(value: unknown): Descriptor | undefined {
  const { mediaType, digest, size, platform, annotations } = objectOf(value);
  const [, sha256, hex256, sha512, hex512] = DIGEST.exec(text(digest) ?? "") ?? [];
  const hex = hex256 ?? hex512;
  if (hex === undefined || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  const { architecture, os, variant } = objectOf(platform);
  const name = text(objectOf(annotations)[REF_NAME]);
  return {
    mediaType: text(mediaType) ?? "",
    algorithm: sha256 === undefined && sha512 !== undefined ? "sha512" : "sha256",
    hex,
    size,
    architecture: text(architecture),
    os: text(os),
    variant: text(variant),
    name,
    reference: text(objectOf(annotations)[IMAGE_NAME]) ?? (name?.includes(":") === true ? name : undefined),
  };
}

/** Its own keys alone; of anything but an object, none. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return Object.assign(Object.create(null) as Record<string, unknown>, isObject ? value : {});
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= LONGEST_TEXT ? value : undefined;
}
