import { VarveError } from "../../core/errors.js";
import type { OpenedImage, OpenImageOptions, SourceLayer } from "../../core/ports/images.js";
import { createHash } from "node:crypto";
import { isSameImage } from "../../core/image/image-reference.js";
import { blobDigest } from "../../core/model/image.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { objectOf } from "./descriptor.js";
import type { ImageFiles } from "./image-files.js";
import type { LayoutBlobs } from "./layout-blobs.js";

/** In a message. */
const MOST_SHOWN = 10;
const MOST_IMAGES = 1000;
const MOST_LAYERS = 1000;
const MOST_NAMES = 100;
const PIECE_BYTES = 1 << 18;
const CONFIG = "application/vnd.docker.container.image.v1+json";

interface Row {
  readonly config: string;
  readonly references: readonly string[];
  readonly layers: readonly string[];
}

/**
 * The images of an archive as `docker save` has made it since 2014: `manifest.json` names the files. Layers are plain, or compressed by others who write this
 * form; what they are is told by the config's DiffIDs.
 *
 * @throws VarveError SOURCE_INVALID, SOURCE_MISSING, UNSUPPORTED.
 */
export function dockerImages(
  files: ImageFiles,
  documents: LayoutBlobs,
  { image, platform }: OpenImageOptions,
): readonly OpenedImage[] {
  const rows = rowsOf(documents.document("manifest.json").value, files);
  const wanted =
    image === undefined
      ? rows
      : rows.filter(({ references, config }) => references.some((name) => isSameImage(name, image)) || config.includes(image));
  if (wanted.length === 0) throw notThere(files, rows, image);
  const images = wanted.map((row) => openedImage(files, documents, row));
  const fit = images.filter(({ config }) => platform === undefined || isFor(config.value, platform));
  if (fit.length > 0) return fit;
  const has = [...new Set(images.map(({ config }) => platformOf(config.value)))].slice(0, MOST_SHOWN);
  throw new VarveError("SOURCE_MISSING", `Cannot find an image for ${platform!}: the archive has none`, {
    path: files.place,
    hint: `It has: ${has.join(", ")}`,
  });
}

function openedImage(files: ImageFiles, documents: LayoutBlobs, { config, references, layers }: Row): OpenedImage {
  const { bytes, value } = documents.document(config);
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault(files, `its ${config} is no JSON object`);
  return {
    references,
    config: { record: { mediaType: CONFIG, digest, size: bytes.length }, bytes, value: objectOf(value) },
    manifest: undefined,
    layers: layers.map((name, index) => sourceLayer(files, name, index)),
  };
}

function sourceLayer(files: ImageFiles, member: string, index: number): SourceLayer {
  return { record: undefined, name: `layer ${index + 1} of the image`, open: () => bytesOf(files, member, index) };
}

async function* bytesOf(files: ImageFiles, name: string, index: number): AsyncGenerator<Uint8Array> {
  const file = opened(files, name, `its layer ${index + 1}`);
  try {
    for (let at = 0; at < file.size;) {
      if (isTurnDue()) await yieldToSignals();
      // A new one each time: a decompressor may hold on to it.
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, file.size - at));
      const count = file.read(piece, at);
      if (count === 0) throw fault(files, `its layer ${index + 1} became shorter while it was read`);
      at += count;
      yield piece.subarray(0, count);
    }
  } finally {
    file.close();
  }
}

function opened(files: ImageFiles, name: string, what: string): ReturnType<ImageFiles["open"]> {
  try {
    return files.open(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const states: Readonly<Record<string, string>> = {
      ENOENT: `${what}, ${JSON.stringify(name)}, is missing`,
      ELOOP: `${what}, ${JSON.stringify(name)}, is a symbolic link that leads to no file of the archive`,
    };
    throw fault(files, states[code ?? ""] ?? `${what} can't be read (${code})`);
  }
}

function rowsOf(value: unknown, files: ImageFiles): readonly Row[] {
  if (!Array.isArray(value) || value.length > MOST_IMAGES)
    throw fault(files, `its manifest.json is no list of at most ${MOST_IMAGES} images`);
  return value.map((row: unknown, index) => {
    const { Config: config, RepoTags: references, Layers: layers } = objectOf(row);
    const at = `image ${index + 1} of its manifest.json`;
    if (!isMember(config)) throw fault(files, `${at} has no Config that names a file of the archive`);
    if (!Array.isArray(layers) || layers.length > MOST_LAYERS || !layers.every(isMember))
      throw fault(files, `${at} has no Layers that name at most ${MOST_LAYERS} files of the archive`);
    if (!isNames(references ?? [])) throw fault(files, `${at} has RepoTags that are no list of texts`);
    return { config, layers, references: (references ?? []) as readonly string[] };
  });
}

/** Within the archive: no `..`, not absolute. */
function isMember(name: unknown): name is string {
  if (typeof name !== "string" || name === "" || name.length > 1000 || name.startsWith("/") || name.includes("\0")) return false;
  return name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function isNames(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length <= MOST_NAMES && value.every((each) => typeof each === "string" && each.length <= 500)
  );
}

function isFor(config: Readonly<Record<string, unknown>>, platform: string): boolean {
  const [os, architecture, variant] = platform.split("/");
  return (
    config["os"] === os && config["architecture"] === architecture && (variant === undefined || config["variant"] === variant)
  );
}

/** For a message. What is no string there stands in none. */
function platformOf({ os, architecture, variant }: Readonly<Record<string, unknown>>): string {
  const parts = [os, architecture, variant].filter((part) => typeof part === "string" && part.length <= 40);
  return parts.length === 0 ? "one that does not say" : parts.join("/");
}

function notThere(files: ImageFiles, rows: readonly Row[], image: string | undefined): VarveError {
  const names = rows.flatMap(({ references }) => references).slice(0, 10);
  const state = image === undefined ? "it holds none" : `none is called ${JSON.stringify(image)}`;
  return new VarveError("SOURCE_MISSING", `Cannot find an image in the archive: ${state}`, {
    path: files.place,
    hint: names.length === 0 ? undefined : `It has: ${names.join(", ")}`,
  });
}

function fault(files: ImageFiles, state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read ${files.place}: ${state}`, {
    hint: "The archive is damaged or was made to do harm. Save it again, or take it from its source again.",
  });
}
