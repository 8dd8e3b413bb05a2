import { VarveError } from "../errors.js";
import type { RefName } from "../model/ids.js";

export const BRANCHES = "refs/heads/";
export const TAGS = "refs/tags/";
/** Image references, docker's `NAME:TAG`. git's names hold no colon: `debian:12` is `refs/images/debian@12`. */
export const IMAGES = "refs/images/";
/** What people name commits by. */
export const NAMED: readonly string[] = [BRANCHES, TAGS, IMAGES];
/** Refs that commands keep for themselves. */
export const HIDDEN = "refs/varve/";
/** Trees that a command discarded and `undo` can bring back. Not shown among branches and tags. */
export const SAVED = "refs/varve/saved/";
/** What `stash` put aside: the highest number is the newest. Kept until it is dropped. */
export const STASHES = "refs/varve/stash/";
/** What runs made, for `run --cache`: below it the run's key, then when it was used last. Not shown among branches and tags. */
export const CACHED = "refs/varve/cache/";
/** The branch that a throw-away container has in its record. No such ref is ever made. */
export const PASSING = "refs/varve/passing/";

/** @param seconds Since 1970; a fraction is dropped. */
export function cachedRef(key: string, seconds: number): RefName {
  return `${CACHED}${key}/${Math.floor(seconds)}` as RefName;
}

/** When a cached run was used last, in seconds since 1970. `undefined` when the name does not tell. */
export function cachedAt(name: RefName): number | undefined {
  const [, seconds] = /\/(\d{1,12})$/.exec(name) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

/** Whether a ref is varve's own, which no person named. */
export function isHiddenRef(name: string): boolean {
  return name.startsWith("refs/varve/");
}

/** A part of a name is a file's name, and `.lock` is put after it. */
const LONGEST_PART_BYTES = 250;
const LONGEST_NAME_BYTES = 1000;

/** First what names may not hold, then the words for it: the rules of git-check-ref-format(1), and some of ours. */
const RULES: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^$/, "it is empty"],

  [/[\x00-\x20\x7f-\x9f]/, "it holds a space or a control character"],
  [/[~^:?*[\\]/, "it holds one of ~ ^ : ? * [ \\"],
  [/[\ud800-\udfff\ufffd]/u, "it is no valid UTF-8"],
  [/\.\./, 'it holds ".."'],
  [/@\{/, 'it holds "@{"'],
  [/^\/|\/$|\/\//, "a part of it is empty"],
  [/(^|\/)\./, "a part of it begins with a dot"],
  [/\.lock(\/|$)/, 'a part of it ends in ".lock"'],
  [/\.$/, "it ends in a dot"],
];

/** Of names that people type, beside those of git. */
const SHORT_RULES: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^-/, "it begins with a dash, as options do"],
  [/^@/, 'it begins with "@", as live states do'],
  [/^HEAD$/, "HEAD means the current branch"],
  [/^refs\//, 'it begins with "refs/"'],
  [/^[0-9a-f]{40}$/i, "it looks like a commit id"],
];

const HINT =
  "Use letters, digits and - _ . / as in v1.2 or team/base; no part may begin with a dot, nor end in a dot or .lock, and no name may begin with a dash or @.";

/** @throws VarveError BAD_NAME. */
export function branchRef(name: string): RefName {
  return refOf(BRANCHES, name, "branch");
}

/** @throws VarveError BAD_NAME. */
export function tagRef(name: string): RefName {
  return refOf(TAGS, name, "tag");
}

/** Where a name ends that may have a registry's host and port in front, and what a tag may be: as docker has it. */
const IMAGE_NAME = /^[a-z0-9](?:[a-z0-9._:/-]*[a-z0-9])?$/;
const IMAGE_TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const IMAGE_DIGEST = /@sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/** Whether it has the form of `debian:12`, `example.org:5000/team/base:1.0` or `debian@sha256:…`. */
export function isImageReference(text: string): boolean {
  if (text.length > LONGEST_NAME_BYTES) return false;
  if (isDigestReference(text)) {
    const name = text.replace(IMAGE_DIGEST, "");
    return IMAGE_NAME.test(name) && !name.includes(":", name.lastIndexOf("/") + 1) && isRefName(imageRef(text));
  }
  const colon = text.indexOf(":", text.lastIndexOf("/") + 1);
  if (colon === -1 || !IMAGE_TAG.test(text.slice(colon + 1)) || !IMAGE_NAME.test(text.slice(0, colon))) return false;
  return isRefName(imageRef(text));
}

/** Whether it ends in a digest, which is what no tag is. */
export function isDigestReference(text: string): boolean {
  return IMAGE_DIGEST.test(text);
}

export function imageRef(reference: string): RefName {
  return (IMAGES + reference.replaceAll(":", "@")) as RefName;
}

/** The hidden ref that keeps a saved tree. @param id Lower-case letters, digits and dashes. */
export function savedRef(id: string): RefName {
  return refOf(SAVED, id, "saved tree");
}

/**
 * `refs/heads/main` → `main`, `refs/tags/v1` → `v1`, `refs/images/debian@12` → `debian:12`, `refs/images/debian@sha256@…` → `debian@sha256:…`; any other ref
 * keeps its whole name.
 */
export function shortName(ref: RefName): string {
  if (ref.startsWith(IMAGES)) {
    const name = ref.slice(IMAGES.length).replaceAll("@", ":");
    // Within an image's name no colon stands before these.
    return name.replace(/:(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, "@$1");
  }
  for (const prefix of [BRANCHES, TAGS]) if (ref.startsWith(prefix)) return ref.slice(prefix.length);
  return ref;
}

/** Checks a full name from outside, such as `refs/heads/main`. @throws VarveError BAD_NAME. */
export function parseRefName(text: string): RefName {
  const why = text.startsWith("refs/") ? faultOf(text, RULES) : 'it does not begin with "refs/"';
  if (why === undefined) return text as RefName;
  throw new VarveError("BAD_NAME", `Cannot use ${JSON.stringify(text)} as a ref: ${why}`, { hint: HINT });
}

export function isRefName(text: string): boolean {
  return text.startsWith("refs/") && faultOf(text, RULES) === undefined;
}

/** Whether a branch or tag may have this name. */
export function isShortName(text: string): boolean {
  return faultOf(text, [...RULES, ...SHORT_RULES]) === undefined;
}

function refOf(prefix: string, name: string, kind: string): RefName {
  const why = faultOf(name, [...RULES, ...SHORT_RULES]);
  if (why === undefined) return (prefix + name) as RefName;
  throw new VarveError("BAD_NAME", `Cannot name a ${kind} ${JSON.stringify(name)}: ${why}`, { hint: HINT });
}

function faultOf(name: string, rules: typeof RULES): string | undefined {
  // Length first: no pattern should run over a megabyte.
  if (Buffer.byteLength(name) > LONGEST_NAME_BYTES) return `it is longer than ${LONGEST_NAME_BYTES} bytes`;
  const long = name.split("/").some((part) => Buffer.byteLength(part) > LONGEST_PART_BYTES);
  return long ? `a part of it is longer than ${LONGEST_PART_BYTES} bytes` : rules.find(([pattern]) => pattern.test(name))?.[1];
}
