import { createHash } from "node:crypto";
import path from "node:path";
import { inflateSync } from "node:zlib";
import { readRegularFile } from "../../linux/regular-file.js";

/** Contents larger than this are none of ours. */
const LARGEST_OBJECT_BYTES = 64 * 2 ** 20;
const OBJECT_ID_BYTES = 20;

export interface LooseObject {
  /** `commit`, `tree`, `blob` or `tag`. */
  readonly kind: string;
  readonly body: Buffer;
}

/** Where a loose object stands. */
export function looseObject(git: string, id: string): string {
  return path.join(git, "objects", id.slice(0, 2), id.slice(2));
}

/** @returns `undefined` for what is not there, since git may have packed it, and for what is not what its name promises: `fsck` tells of it. */
export function readLooseObject(git: string, id: string): LooseObject | undefined {
  try {
    const bytes = inflateSync(readRegularFile(looseObject(git, id), { largest: LARGEST_OBJECT_BYTES }), {
      maxOutputLength: LARGEST_OBJECT_BYTES,
    });
    if (createHash("sha1").update(bytes).digest("hex") !== id) return undefined;
    return { kind: bytes.toString("latin1", 0, bytes.indexOf(0x20)), body: bytes.subarray(bytes.indexOf(0) + 1) };
  } catch {
    return undefined;
  }
}

/** What a git tree says of its files: ids by name. Each is `<mode> <name> NUL <20 bytes of id>`. */
export function filesOfTree(body: Buffer): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const name = body.indexOf(0x20, at) + 1;
    const end = body.indexOf(0, name);
    if (name === 0 || end === -1) break;
    at = end + 1 + OBJECT_ID_BYTES;
    files.set(body.toString("latin1", name, end), body.toString("hex", end + 1, at));
  }
  return files;
}
