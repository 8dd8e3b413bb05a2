import { createHash } from "node:crypto";
import { byteStringOf, bufferOf, type ByteString } from "../model/byte-string.js";
import type { FileContent } from "../model/tree.js";
import { isText, splitLines } from "../text/text-lines.js";
import { changedBytes, type ChangedBytes } from "./changed-bytes.js";
import { textHunks, type Hunk } from "./text-hunks.js";

/** Larger files are told of as binary ones are: nobody reads their lines, and to compare them may take minutes. */
export const LARGEST_TEXT_BYTES: number = 16 * 1024 * 1024;
const PROBED_BYTES = 8000;

/** What a file, or a symlink, holds on each side; `undefined` where it is not there. */
export interface ContentPair {
  readonly before: FileContent | ByteString | undefined;
  readonly after: FileContent | ByteString | undefined;
}

export type ContentDifference =
  | {
      readonly kind: "text";
      readonly hunks: readonly Hunk[];
      /** What git calls the contents: 40 hex digits, zeros for what is not there. */
      readonly beforeId: string;
      readonly afterId: string;
    }
  /** No text, or too large to be taken for one. Sizes in bytes. */
  | {
      readonly kind: "binary";
      readonly beforeSize: number | undefined;
      readonly afterSize: number | undefined;
      /** Of two contents. */
      readonly changed: ChangedBytes | undefined;
    };

/** How two contents differ. @param context Equal lines around what differs. @throws VarveError SOURCE_CHANGED, INTERRUPTED. */
export async function contentDifference({ before, after }: ContentPair, context: number): Promise<ContentDifference> {
  const old = textOf(before);
  const now = textOf(after);
  if (old !== undefined && now !== undefined) {
    const hunks = await textHunks(splitLines(old), splitLines(now), context);
    return { kind: "text", hunks, beforeId: blobId(before && old), afterId: blobId(after && now) };
  }
  const changed = isContent(before) && isContent(after) ? await changedBytes(before, after) : undefined;
  return { kind: "binary", beforeSize: sizeOf(before), afterSize: sizeOf(after), changed };
}

/** All of it, when it is text; nothing for what is not there. */
function textOf(content: FileContent | ByteString | undefined): ByteString | undefined {
  if (content === undefined) return "" as ByteString;
  if (typeof content === "string") return content;
  if (content.size > LARGEST_TEXT_BYTES) return undefined;
  const reader = content.open({ check: false });
  try {
    const start = readFrom(reader, Buffer.alloc(Math.min(content.size, PROBED_BYTES)), 0);
    if (!isText(start)) return undefined;
    if (content.size <= PROBED_BYTES) return byteStringOf(start);
    return byteStringOf(readFrom(reader, Buffer.alloc(content.size), 0));
  } finally {
    reader.close();
  }
}

function readFrom(reader: { read(buffer: Uint8Array, position: number): number }, into: Buffer, position: number): Buffer {
  let done = 0;
  for (let count = -1; done < into.length && count !== 0; done += count) {
    count = reader.read(into.subarray(done), position + done);
  }
  return into.subarray(0, done);
}

function blobId(content: ByteString | undefined): string {
  if (content === undefined) return "0".repeat(40);
  const bytes = bufferOf(content);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function isContent(content: FileContent | ByteString | undefined): content is FileContent {
  return content !== undefined && typeof content !== "string";
}

function sizeOf(content: FileContent | ByteString | undefined): number | undefined {
  return typeof content === "string" ? content.length : content?.size;
}
