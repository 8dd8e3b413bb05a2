import { closeSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { ByteString } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";
import { parseImageReference } from "../../core/image/image-reference.js";
import { EMPTY_ROOT } from "../../core/model/entry.js";
import { hexOf } from "../../core/model/image.js";
import type { OutgoingHistory } from "../../core/ports/histories.js";
import type { OutgoingImage } from "../../core/ports/images.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { makeDirectories } from "../../linux/make-directories.js";
import { writeFully } from "../durable-file.js";
import { systemFailure } from "../system-failure.js";
import { encodeHeaders } from "../tar/encode-header.js";
import { BLOCK } from "../tar/limits.js";
import { TarOutput } from "../tar/tar-output.js";
import { HISTORY_TYPE } from "./history-manifest.js";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** A file of a layout: each blob once, whatever names it. */
interface LayoutFile {
  readonly name: string;
  readonly size: number;
  open(): AsyncIterable<Uint8Array> | readonly Uint8Array[];
}

/** Images.writeArchive. */
export async function writeArchive(
  images: readonly OutgoingImage[],
  write: (chunk: Uint8Array) => Promise<void>,
  forDocker: boolean,
): Promise<void> {
  await writeFiles(filesOf(images, forDocker), write);
}

/** Images.writeHistory. */
export async function writeHistory(
  { blobs, config, manifest }: OutgoingHistory,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const whole = manifest(undefined);
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...whole.record, artifactType: HISTORY_TYPE }] };
  await writeFiles([...blobFiles([...blobs, config, whole]), json("index.json", index), LAYOUT], write);
}

async function writeFiles(files: readonly LayoutFile[], write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  const output = new TarOutput(write);
  for (const { name, size, open } of files) {
    const details = { path: name as ByteString, bodySize: size };
    for (const part of encodeHeaders({ ...EMPTY_ROOT, type: "file", mode: 0o644, size }, details)) await output.put(part);
    for await (const chunk of open()) await output.put(chunk);
    await output.zeros((BLOCK - (size % BLOCK)) % BLOCK);
  }
  await output.end();
}

/** Images.writeLayout. */
export async function writeLayout(images: readonly OutgoingImage[], directory: string): Promise<void> {
  const isNew = makeEmpty(directory);
  try {
    for (const file of filesOf(images, false)) await writeFile(path.join(directory, file.name), file);
  } catch (error) {
    for (const name of readdirSync(directory)) rmSync(path.join(directory, name), { recursive: true, force: true });
    if (isNew) rmSync(directory, { recursive: true, force: true });
    throw systemFailure("write the OCI layout", error, directory);
  }
}

async function writeFile(place: string, { open }: LayoutFile): Promise<void> {
  mkdirSync(path.dirname(place), { recursive: true });
  const fd = openSync(place, "wx", 0o644);
  try {
    for await (const chunk of open()) {
      writeFully(fd, chunk);
      if (isTurnDue()) await yieldToSignals();
    }
  } finally {
    closeSync(fd);
  }
}

/** @returns Whether it was made. */
function makeEmpty(directory: string): boolean {
  try {
    const made = makeDirectories(path.resolve(directory));
    if (readdirSync(directory).length === 0) return made !== undefined;
  } catch (error) {
    throw systemFailure("write the OCI layout", error, directory);
  }
  throw new VarveError("DESTINATION_NOT_EMPTY", `Cannot write an OCI layout to "${directory}": it is not empty`, {
    path: directory,
    hint: "Name a directory that is not there yet.",
  });
}

/** Documents come last, so that a reader that has them has what they name. */
function filesOf(images: readonly OutgoingImage[], forDocker: boolean): readonly LayoutFile[] {
  const blobs = images.flatMap(({ layers, config, manifest }) => [...layers, config, manifest]);
  return [
    ...blobFiles(blobs),
    ...(forDocker ? [json("manifest.json", images.map(dockerRow))] : []),
    json("index.json", { schemaVersion: 2, mediaType: INDEX, manifests: images.flatMap(descriptors) }),
    LAYOUT,
  ];
}

/** Each once. */
function blobFiles(blobs: readonly OutgoingBlob[]): readonly LayoutFile[] {
  const files = new Map(
    blobs.map((blob) => [blobName(blob), { name: blobName(blob), size: blob.record.size, open: () => blob.open() }]),
  );
  return [...files.values()];
}

function json(name: string, value: unknown): LayoutFile {
  const bytes = Buffer.from(JSON.stringify(value));
  return { name, size: bytes.length, open: () => [bytes] };
}

const LAYOUT = json("oci-layout", { imageLayoutVersion: "1.0.0" });

function blobName({ record: { digest } }: OutgoingBlob): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function dockerRow({ config, references, layers }: OutgoingImage): object {
  return { Config: blobName(config), RepoTags: references.length === 0 ? null : references, Layers: layers.map(blobName) };
}

/** One for each name, as skopeo and containerd want them. */
function descriptors({ manifest: { record }, references, platform }: OutgoingImage): readonly object[] {
  if (references.length === 0) return [{ ...record, platform }];
  return references.map((reference) => {
    const { registry, repository, tag = "latest" } = parseImageReference(reference);
    const annotations = {
      "io.containerd.image.name": `${registry}/${repository}:${tag}`,
      "org.opencontainers.image.ref.name": tag,
    };
    return { ...record, platform, annotations };
  });
}
