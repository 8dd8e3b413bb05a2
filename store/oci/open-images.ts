import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readSync, unlinkSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { blobDigest, hexOf, type BlobRecord } from "../../core/model/image.js";
import type { OpenedHistory } from "../../core/ports/histories.js";
import type {
  ImageDocument,
  ImageSource,
  OpenedImage,
  OpenedImages,
  OpenImageOptions,
  SourceLayer,
} from "../../core/ports/images.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { writeFully } from "../durable-file.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { decompressed } from "../tar/decompress.js";
import { isChecksumRight } from "../tar/header-block.js";
import { BLOCK } from "../tar/limits.js";
import { namedTarFault } from "../tar/tar-fault.js";
import { archiveMembers } from "./archive-members.js";
import { objectOf, readDescriptor, type Descriptor } from "./descriptor.js";
import { dockerImages } from "./docker-archive.js";
import { imagesOfLayout, type FoundImage } from "./find-manifest.js";
import { isHistory } from "./history-manifest.js";
import { ArchiveFiles, DirectoryFiles, type ImageFiles } from "./image-files.js";
import { LayoutBlobs, layoutFault, type Document } from "./layout-blobs.js";
import { historyFault, openHistory, type HistorySource } from "./open-history.js";

/** Images.open. @param layout Of the store that a history may go to. @param scratch A path that nobody uses. */
export async function openImages(
  layout: StoreLayout,
  source: ImageSource,
  options: OpenImageOptions,
  scratch: string,
): Promise<OpenedImages> {
  const files = source.kind === "directory" ? new DirectoryFiles(source.path) : await archiveFiles(source, scratch);
  try {
    const history = await historyIn(layout, files);
    if (history !== undefined) return { images: [], history, close: () => files.close() };
    return { images: await imagesIn(files, options), close: () => files.close() };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** @returns `undefined` where the layout's one manifest is none of a history. */
async function historyIn(layout: StoreLayout, files: ImageFiles): Promise<OpenedHistory | undefined> {
  if (!files.has("oci-layout") || !files.has("index.json")) return undefined;
  const blobs = new LayoutBlobs(files);
  const { manifests } = objectOf(blobs.document("index.json").value);
  const [first, ...others] = Array.isArray(manifests) ? (manifests as readonly unknown[]) : [];
  if (!isHistory(first) || others.length > 0) return undefined;
  const descriptor = readDescriptor(first);
  if (descriptor?.algorithm !== "sha256") throw historyFault("the descriptor in its index can't be read", files.place);
  const { value } = await blobs.json(descriptor, "its manifest");
  const source: HistorySource = {
    open: ({ digest, size }, what) => blobs.bytes({ ...descriptor, hex: hexOf(digest), size }, what),
    fault: (state) => historyFault(state, files.place),
  };
  return openHistory(layout, source, blobDigest(descriptor.hex), value);
}

/** Docker's archives of today are OCI layouts, too; those tell more. */
async function imagesIn(files: ImageFiles, options: OpenImageOptions): Promise<readonly OpenedImage[]> {
  const blobs = new LayoutBlobs(files);
  if (files.has("oci-layout") && files.has("index.json")) {
    const found = await imagesOfLayout(blobs, files.place, options);
    return Promise.all(found.map((image) => openedImage(blobs, files.place, image)));
  }
  if (files.has("manifest.json")) return dockerImages(files, blobs, options);
  throw new VarveError(
    "SOURCE_INVALID",
    `Cannot read images from ${quotedPlace(files.place)}: it has neither an oci-layout nor a manifest.json`,
    {
      hint: "An archive of a root filesystem, without an image, is taken by varve import.",
    },
  );
}

function quotedPlace(place: string): string {
  return place.startsWith('"') || place.startsWith("the ") ? place : JSON.stringify(place);
}

async function openedImage(
  blobs: LayoutBlobs,
  place: string,
  { manifest, document, references }: FoundImage,
): Promise<OpenedImage> {
  const { config, layers } = manifest;
  const read = await blobs.json(config, "its config");
  return {
    references,
    config: imageDocument(read, recordOf(config, read.bytes), place, "its config"),
    manifest: imageDocument(document, recordOf(manifest.descriptor, document.bytes), place, "its manifest"),
    layers: layers.map((layer, index) => sourceLayer(blobs, layer, index)),
  };
}

function sourceLayer(blobs: LayoutBlobs, layer: Descriptor, index: number): SourceLayer {
  return {
    record:
      layer.algorithm === "sha256" ? { mediaType: layer.mediaType, digest: blobDigest(layer.hex), size: layer.size } : undefined,
    name: `layer ${index + 1} of the image`,
    open: () => blobs.bytes(layer, `its layer ${index + 1}`),
  };
}

/** The store names its blobs by SHA-256, whatever the source does. */
function recordOf({ mediaType, size }: Descriptor, bytes: Buffer): BlobRecord {
  return { mediaType, size, digest: blobDigest(createHash("sha256").update(bytes).digest("hex")) };
}

export function imageDocument({ bytes, value }: Document, record: BlobRecord, place: string, what: string): ImageDocument {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw layoutFault(place, `${what} is no JSON object`);
  return { record, bytes, value: objectOf(value) };
}

/** A plain file is read where it stands; what is compressed, or comes through a pipe, from a scratch file without a name. */
async function archiveFiles(source: Extract<ImageSource, { kind: "archive" }>, scratch: string): Promise<ImageFiles> {
  const plain = source.path === undefined ? undefined : plainTar(source.path);
  const fd = plain ?? (await spooled(source.stream, scratch));
  try {
    return new ArchiveFiles(source.name, fd, await archiveMembers(fd));
  } catch (error) {
    closeSync(fd);
    throw namedTarFault(error, source.name);
  }
}

/** @returns `undefined` for what does not begin as a tar does. */
function plainTar(file: string): number | undefined {
  const fd = openRegularFile(file, 0);
  const block = Buffer.alloc(BLOCK);
  if (readSync(fd, block, 0, BLOCK, 0) === BLOCK && isChecksumRight(block)) return fd;
  closeSync(fd);
  return undefined;
}

async function spooled(stream: AsyncIterable<Uint8Array>, scratch: string): Promise<number> {
  let fd: number;
  try {
    fd = openSync(scratch, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    unlinkSync(scratch);
  } catch (error) {
    throw systemFailure("make a scratch file", error, scratch);
  }
  try {
    for await (const piece of decompressed(stream)) writeFully(fd, piece);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw systemFailure("write a scratch file", error, scratch);
  }
}
