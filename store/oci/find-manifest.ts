import { VarveError } from "../../core/errors.js";
import { objectOf, readDescriptor, type Descriptor } from "./descriptor.js";
import { layoutFault, type LayoutBlobs } from "./layout-blobs.js";

/** Indexes within indexes: tools make one level. */
const DEEPEST_INDEX = 4;
const MOST_MANIFESTS = 1000;
const MOST_LAYERS = 1000;
const MOST_SHOWN = 10;

const INDEXES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
/** How Go, whose names image platforms have, calls what Node calls otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", arm64: "arm64", arm: "arm" };
const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/;

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
  const version = objectOf(blobs.document("oci-layout"))["imageLayoutVersion"];
  if (version !== "1.0.0")
    throw layoutFault(
      directory,
      `its version is ${typeof version === "string" ? JSON.stringify(version) : "missing"}, expected "1.0.0"`,
    );
  const images = manifestsOf(blobs.document("index.json"), directory);
  let chosen = choose(
    wanted === undefined ? images : images.filter((image) => isCalled(image, wanted)),
    images,
    directory,
    wanted,
  );
  for (let depth = 0; INDEXES.has(chosen.mediaType); depth += 1) {
    if (depth >= DEEPEST_INDEX) throw layoutFault(directory, `its indexes lead more than ${DEEPEST_INDEX} deep, or in a circle`);
    const inner = manifestsOf(await blobs.json(chosen, "an index"), directory);
    chosen = choose(inner, inner, directory, wanted);
  }
  const { layers } = objectOf(await blobs.json(chosen, "its manifest"));
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
function isCalled({ name, algorithm, hex }: Descriptor, wanted: string): boolean {
  return name === wanted || name?.endsWith(`:${wanted}`) === true || `${algorithm}:${hex}` === wanted;
}

/** Attestations and the like stand beside images as of the platform "unknown". */
function choose(
  found: readonly Descriptor[],
  all: readonly Descriptor[],
  directory: string,
  wanted: string | undefined,
): Descriptor {
  const images = found.filter(({ os }) => os !== "unknown");
  const [first] = images;
  if (first !== undefined && images.length === 1) return first;
  const here = images.filter(({ os, architecture }) => os === "linux" && architecture === ARCHITECTURES[process.arch]);
  const [own] = here;
  if (own !== undefined && here.length === 1) return own;
  const names = all.map(({ name, algorithm, hex }) => name ?? `${algorithm}:${hex}`).slice(0, MOST_SHOWN);
  const message =
    first === undefined
      ? `Cannot find an image in the OCI layout: ${wanted === undefined ? "it holds none" : `none is called ${JSON.stringify(wanted)}`}`
      : `Cannot choose an image of the OCI layout: it holds ${images.length}, wanted the name of one`;
  const hint = names.length === 0 ? undefined : `Write DIR:NAME. It has: ${names.map((name) => JSON.stringify(name)).join(", ")}`;
  throw new VarveError(first === undefined ? "SOURCE_MISSING" : "SOURCE_INVALID", message, { path: directory, hint });
}
