import { VarveError } from "../../core/errors.js";
import { machinePlatform } from "../../core/exchange/machine-platform.js";
import { isSameImage, shortened } from "../../core/image/image-reference.js";
import { objectOf, readDescriptor, type Descriptor } from "./descriptor.js";
import type { OpenImageOptions } from "../../core/ports/images.js";
import { layoutFault, type Document, type LayoutBlobs } from "./layout-blobs.js";

/** Indexes within indexes: tools make one level. */
const DEEPEST_INDEX = 4;
const MOST_MANIFESTS = 1000;
const MOST_LAYERS = 1000;
const MOST_SHOWN = 10;

const INDEXES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/;

/** A manifest, as far as its layers and config go. */
export interface Manifest {
  readonly descriptor: Descriptor;
  readonly config: Descriptor;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
}

export interface FoundImage {
  readonly manifest: Manifest;
  readonly document: Document;
  /** As the index calls it, when that is more than a tag. */
  readonly references: readonly string[];
}

/**
 * The layers of the image that is wanted, the lowest first.
 *
 * @param wanted Its reference name or digest; without one there must be one image alone, or one for this machine.
 * @throws VarveError SOURCE_INVALID, SOURCE_MISSING.
 */
export async function imageLayers(
  blobs: LayoutBlobs,
  directory: string,
  wanted: string | undefined,
): Promise<readonly Descriptor[]> {
  const images = indexOf(blobs, directory);
  const chosen = choose(wanted === undefined ? images : images.filter((image) => isCalled(image, wanted)), images, directory, {
    wanted,
  });
  const { document } = await manifestBelow(blobs, directory, chosen, { wanted });
  return layersOf(objectOf(document.value), directory);
}

/** All images of a layout, or the one that is wanted; of those for several platforms, the one for `platform`. @throws VarveError SOURCE_INVALID, SOURCE_MISSING. */
export async function imagesOfLayout(
  blobs: LayoutBlobs,
  directory: string,
  { image: wanted, platform }: OpenImageOptions,
): Promise<readonly FoundImage[]> {
  const images = indexOf(blobs, directory);
  const called = wanted === undefined ? images : images.filter((image) => isCalled(image, wanted));
  // What has no name is one image for several platforms, or several images that can't be told apart.
  const named = called.filter(({ reference }) => reference !== undefined);
  const tops = named.length > 0 ? named : [choose(called, images, directory, { wanted, platform })];
  const found: FoundImage[] = [];
  for (const top of tops) {
    const { descriptor, document } = await manifestBelow(blobs, directory, top, { wanted, platform });
    const fields = objectOf(document.value);
    const config = readDescriptor(fields["config"]);
    if (config === undefined) throw layoutFault(directory, "its manifest has no config that can be read");
    const references = top.reference === undefined ? [] : [top.reference];
    found.push({ manifest: { descriptor, config, layers: layersOf(fields, directory) }, document, references });
  }
  return found;
}

function indexOf(blobs: LayoutBlobs, directory: string): readonly Descriptor[] {
  const version = objectOf(blobs.document("oci-layout").value)["imageLayoutVersion"];
  if (version !== "1.0.0")
    throw layoutFault(
      directory,
      `its version is ${typeof version === "string" ? JSON.stringify(version) : "missing"}, expected "1.0.0"`,
    );
  return manifestsOf(blobs.document("index.json").value, directory);
}

async function manifestBelow(
  blobs: LayoutBlobs,
  directory: string,
  top: Descriptor,
  asked: Asked,
): Promise<{ readonly descriptor: Descriptor; readonly document: Document }> {
  let descriptor = top;
  for (let depth = 0; INDEXES.has(descriptor.mediaType); depth += 1) {
    if (depth >= DEEPEST_INDEX) throw layoutFault(directory, `its indexes lead more than ${DEEPEST_INDEX} deep, or in a circle`);
    const index = (await blobs.json(descriptor, "an index")).value;
    requireOneKind(index, descriptor, directory);
    const inner = manifestsOf(index, directory);
    descriptor = choose(inner, inner, directory, asked);
  }
  const document = await blobs.json(descriptor, "its manifest");
  requireOneKind(document.value, descriptor, directory);
  return { descriptor, document };
}

/** CVE-2021-41190: what is an index to one reader must be no manifest to another. */
function requireOneKind(value: unknown, { mediaType }: Descriptor, directory: string): void {
  const { mediaType: own, layers, manifests, schemaVersion } = objectOf(value);
  if (schemaVersion === 1)
    throw new VarveError(
      "UNSUPPORTED",
      "Cannot read the image: its manifest is of docker's schema 1, which has no config and no DiffIDs",
      {
        path: directory,
        hint: "Pull it with docker or skopeo, which convert it, and save it again.",
      },
    );
  if (layers !== undefined && manifests !== undefined) throw layoutFault(directory, "a document is both a manifest and an index");
  if (own !== undefined && own !== mediaType && mediaType !== "")
    throw layoutFault(
      directory,
      `a document says that it is ${JSON.stringify(own)}, and what leads to it ${JSON.stringify(mediaType)}`,
    );
}

export function layersOf({ layers }: Readonly<Record<string, unknown>>, directory: string): readonly Descriptor[] {
  if (!Array.isArray(layers)) throw layoutFault(directory, "its manifest has no layers");
  if (layers.length > MOST_LAYERS)
    throw layoutFault(directory, `it has ${layers.length} layers, expected at most ${MOST_LAYERS}`);
  return layers.map((value, index) => layerOf(value, index, directory));
}

function layerOf(value: unknown, index: number, directory: string): Descriptor {
  const layer = readDescriptor(value);
  if (layer === undefined) throw layoutFault(directory, `the descriptor of its layer ${index + 1} can't be read`);
  if (LAYER.test(layer.mediaType)) return layer;
  throw layoutFault(directory, `its layer ${index + 1} is of the type ${JSON.stringify(layer.mediaType)}, expected a tar`);
}

function manifestsOf(index: unknown, directory: string): readonly Descriptor[] {
  const { manifests } = objectOf(index);
  if (!Array.isArray(manifests)) throw layoutFault(directory, "its index has no manifests");
  if (manifests.length > MOST_MANIFESTS)
    throw layoutFault(directory, `it has ${manifests.length} manifests, expected at most 1000`);
  return manifests.map((value) => {
    const found = readDescriptor(value);
    if (found === undefined) throw layoutFault(directory, "a descriptor in its index can't be read");
    return found;
  });
}

/** `v1` is also what a whole reference ends with, as docker writes them: `docker.io/library/debian:v1`. */
function isCalled({ name, reference, algorithm, hex }: Descriptor, wanted: string): boolean {
  if (name === wanted || name?.endsWith(`:${wanted}`) === true || `${algorithm}:${hex}` === wanted) return true;
  return reference !== undefined && isSameImage(reference, wanted);
}

interface Asked {
  readonly wanted?: string | undefined;
  readonly platform?: string | undefined;
}

/** The one of an index that is for a platform. @param place For messages. @throws VarveError SOURCE_INVALID, SOURCE_MISSING. */
export function chooseManifest(index: unknown, place: string, platform: string | undefined): Descriptor {
  const manifests = manifestsOf(index, place);
  return choose(manifests, manifests, place, { platform });
}

function isFor({ os, architecture, variant }: Descriptor, platform: string): boolean {
  const [wantedOs, wantedArchitecture, wantedVariant] = platform.split("/");
  // What does not say is for any.
  if (os === undefined || architecture === undefined) return os === undefined && architecture === undefined;
  return os === wantedOs && architecture === wantedArchitecture && (wantedVariant === undefined || variant === wantedVariant);
}

function noPlatform(images: readonly Descriptor[], platform: string, directory: string): VarveError {
  const has = images
    .map(({ os, architecture, variant }) => [os, architecture, variant].filter(Boolean).join("/"))
    .slice(0, MOST_SHOWN);
  return new VarveError("SOURCE_MISSING", `Cannot find an image in the index: none is for ${platform}`, {
    path: directory,
    hint: has.length === 0 ? undefined : `It has: ${has.join(", ")}`,
  });
}

/** Attestations and the like stand beside images as of the platform "unknown". */
function choose(
  found: readonly Descriptor[],
  all: readonly Descriptor[],
  directory: string,
  { wanted, platform }: Asked,
): Descriptor {
  const images = found.filter(({ os }) => os !== "unknown");
  const [first] = images;
  if (first !== undefined && images.length === 1 && platform === undefined) return first;
  const machine = machinePlatform(process.arch);
  const here = images.filter((image) => isFor(image, platform ?? `${machine.os}/${machine.architecture}`));
  const [own] = here;
  if (own !== undefined && here.length === 1) return own;
  if (platform !== undefined && here.length === 0) throw noPlatform(images, platform, directory);
  const names = all
    .map(({ reference, name, algorithm, hex }) => (reference && shortened(reference)) ?? name ?? `${algorithm}:${hex}`)
    .slice(0, MOST_SHOWN);
  const message =
    first === undefined
      ? `Cannot find an image in the index: ${wanted === undefined ? "it holds none" : `none is called ${JSON.stringify(wanted)}`}`
      : `Cannot choose an image of the index: it holds ${images.length}, wanted the name of one`;
  const hint =
    names.length === 0
      ? undefined
      : `Name one, by --image NAME or as DIR:NAME of diff. It has: ${names.map((name) => JSON.stringify(name)).join(", ")}`;
  throw new VarveError(first === undefined ? "SOURCE_MISSING" : "SOURCE_INVALID", message, { path: directory, hint });
}
