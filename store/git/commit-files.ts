import { VarveError } from "../../core/errors.js";
import type { ImageConfig, LayerRecord, Origin } from "../../core/model/commit.js";
import { parseLayerId, parseTreeId } from "../../core/model/ids.js";

/** The files of a commit's tree: docs/on-disk-format.md, "Commits and refs". */
export const LAYER_FILE = "layer.json";
export const CONFIG_FILE = "config.json";
export const ORIGIN_FILE = "origin.json";

/** Above this, a file of a commit's tree is not ours. */
const LARGEST_BYTES: Readonly<Record<string, number>> = { [LAYER_FILE]: 2 ** 16, [CONFIG_FILE]: 2 ** 23, [ORIGIN_FILE]: 2 ** 23 };

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

function decode(name: string, bytes: Buffer, commit: string): Record<string, unknown> {
  if (bytes.length > (LARGEST_BYTES[name] ?? 0)) throw invalid(name, commit);
  const value: unknown = checked(() => JSON.parse(bytes.toString("utf8")) as unknown, name, commit);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(name, commit);
  return value as Record<string, unknown>;
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
