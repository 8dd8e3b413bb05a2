import { VarveError } from "../errors.js";

/** 64 lower-case hex digits: the SHA-256 that covers a whole layer image, see docs/on-disk-format.md. */
export type LayerId = string & { readonly layerId: unique symbol };

/** 64 lower-case hex digits: the SHA-256 of a file's content, equal to what `sha256sum` prints. */
export type ContentDigest = string & { readonly contentDigest: unique symbol };

/** 64 lower-case hex digits: the Merkle digest of what a directory holds, without the directory's own metadata. */
export type DirectoryDigest = string & { readonly directoryDigest: unique symbol };

/** 64 lower-case hex digits: the Merkle digest of a whole tree, its root's metadata included. */
export type TreeId = string & { readonly treeId: unique symbol };

/** 40 lower-case hex digits: the name of a git commit object. */
export type CommitId = string & { readonly commitId: unique symbol };

/** 40 lower-case hex digits: the name of a git object that is an annotated tag. */
export type TagId = string & { readonly tagId: unique symbol };

/** A full git ref name, such as `refs/heads/main`. */
export type RefName = string & { readonly refName: unique symbol };

const HEX_SHA256 = /^[0-9a-f]{64}$/;
const HEX_SHA1 = /^[0-9a-f]{40}$/;

/** Checks text from outside once; past this line a LayerId is trusted. */
export function parseLayerId(text: unknown): LayerId {
  return parseHex(text, HEX_SHA256, "a layer id", "64 lower-case hex digits") as LayerId;
}

export function parseTreeId(text: unknown): TreeId {
  return parseHex(text, HEX_SHA256, "a tree id", "64 lower-case hex digits") as TreeId;
}

export function parseCommitId(text: unknown): CommitId {
  return parseHex(text, HEX_SHA1, "a commit id", "40 lower-case hex digits") as CommitId;
}

export function parseTagId(text: unknown): TagId {
  return parseHex(text, HEX_SHA1, "a tag id", "40 lower-case hex digits") as TagId;
}

function parseHex(text: unknown, pattern: RegExp, what: string, wanted: string): string {
  if (typeof text === "string" && pattern.test(text)) return text;
  throw new VarveError("BAD_ID", `Cannot read ${JSON.stringify(text)} as ${what}: expected ${wanted}`);
}
