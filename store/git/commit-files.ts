import { VarveError } from "../../core/errors.js";
import type { ImageConfig, LayerRecord, Origin } from "../../core/model/commit.js";
import { parseLayerId, parseTreeId } from "../../core/model/ids.js";
import { isBlobDigest, type BlobRecord, type ImageRecord } from "../../core/model/image.js";

/** The files of a commit's tree: docs/on-disk-format.md, "Commits and refs". */
export const LAYER_FILE = "layer.json";
export const CONFIG_FILE = "config.json";
export const ORIGIN_FILE = "origin.json";
export const IMAGE_FILE = "image.json";

/** Above this, a file of a commit's tree is not ours. */
const LARGEST_BYTES: Readonly<Record<string, number>> = {
  [LAYER_FILE]: 2 ** 16,
  [CONFIG_FILE]: 2 ** 23,
  [ORIGIN_FILE]: 2 ** 23,
  [IMAGE_FILE]: 2 ** 20,
};

/** Deeper than an image's config may be that varve takes: what walks them does so by recursion, JSON.stringify too. */
const DEEPEST = 100;

/** The fields in one order, so that one record has one git id. */
export function encodeLayerRecord({ layer, tree, added, modified, deleted, storedBytes }: LayerRecord): Buffer {
  return encode({ layer, tree, added, modified, deleted, storedBytes });
}

export function encodeConfig(config: ImageConfig): Buffer {
  return encode(config);
}

export function encodeOrigin({ command, exitCode, durationMilliseconds }: Origin): Buffer {
  return encode({ command, exitCode, durationMilliseconds });
}

export function encodeImageRecord({ diffId, blob, history, config, manifest }: ImageRecord): Buffer {
  return encode({ diffId, blob: blobFields(blob), history, config: blobFields(config), manifest: blobFields(manifest) });
}

function blobFields(blob: BlobRecord | undefined): BlobRecord | undefined {
  return blob && { mediaType: blob.mediaType, digest: blob.digest, size: blob.size };
}

function encode(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** @param commit For the message alone. @throws VarveError STORE_DAMAGED. */
export function decodeLayerRecord(bytes: Buffer, commit: string): LayerRecord {
  const value = decode(LAYER_FILE, bytes, commit);
  return {
    layer: checked(() => parseLayerId(value["layer"]), LAYER_FILE, commit),
    tree: checked(() => parseTreeId(value["tree"]), LAYER_FILE, commit),
    added: count(value, "added", LAYER_FILE, commit),
    modified: count(value, "modified", LAYER_FILE, commit),
    deleted: count(value, "deleted", LAYER_FILE, commit),
    storedBytes: count(value, "storedBytes", LAYER_FILE, commit),
  };
}

/** @throws VarveError STORE_DAMAGED. */
export function decodeConfig(bytes: Buffer, commit: string): ImageConfig {
  return decode(CONFIG_FILE, bytes, commit);
}

/** @throws VarveError STORE_DAMAGED. */
export function decodeOrigin(bytes: Buffer, commit: string): Origin {
  const value = decode(ORIGIN_FILE, bytes, commit);
  const { command, exitCode, durationMilliseconds } = value;
  const words = Array.isArray(command) && command.every((word) => typeof word === "string");
  if (!words || !Number.isSafeInteger(exitCode) || typeof durationMilliseconds !== "number") throw invalid(ORIGIN_FILE, commit);
  return { command, exitCode: exitCode as number, durationMilliseconds };
}

/** @throws VarveError STORE_DAMAGED. */
export function decodeImageRecord(bytes: Buffer, commit: string): ImageRecord {
  const { diffId, blob, history, config, manifest } = decode(IMAGE_FILE, bytes, commit);
  if (diffId !== undefined && !isBlobDigest(diffId)) throw invalid(IMAGE_FILE, commit);
  if (history !== undefined && !isObject(history)) throw invalid(IMAGE_FILE, commit);
  const [layer, configBlob, manifestBlob] = [blob, config, manifest].map((value) => blobRecord(value, commit));
  return {
    ...(diffId !== undefined && { diffId }),
    ...(layer && { blob: layer }),
    ...(history !== undefined && { history }),
    ...(configBlob && { config: configBlob }),
    ...(manifestBlob && { manifest: manifestBlob }),
  };
}

function blobRecord(value: unknown, commit: string): BlobRecord | undefined {
  if (value === undefined) return undefined;
  const { mediaType, digest, size } = isObject(value) ? value : {};
  if (typeof mediaType === "string" && isBlobDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0)
    return { mediaType, digest, size: size as number };
  throw invalid(IMAGE_FILE, commit);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function decode(name: string, bytes: Buffer, commit: string): Record<string, unknown> {
  if (bytes.length > (LARGEST_BYTES[name] ?? 0)) throw invalid(name, commit);
  const value: unknown = checked(() => JSON.parse(bytes.toString("utf8")) as unknown, name, commit);
  if (!isObject(value) || isDeeper(value, DEEPEST)) throw invalid(name, commit);
  return value;
}

/** Without recursion. */
function isDeeper(value: object, most: number): boolean {
  let level: readonly object[] = [value];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > most) return true;
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function count(value: Record<string, unknown>, key: string, name: string, commit: string): number {
  const number = value[key];
  if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number;
  throw invalid(name, commit);
}

function checked<T>(read: () => T, name: string, commit: string): T {
  try {
    return read();
  } catch (cause) {
    throw invalid(name, commit, cause);
  }
}

function invalid(name: string, commit: string, cause?: unknown): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read commit "${commit}": its ${name} breaks the format`, {
    hint: "The commit was not made by varve, or was changed by another program. Other commits can still be read.",
    cause,
  });
}
