import { readdirSync, type Dirent } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RefName } from "../../core/model/ids.js";
import { isRefName } from "../../core/revision/ref-names.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { readPackedRefs } from "./packed-refs.js";

/** A ref file holds an id or a name; more is no ref. */
const LARGEST_REF_BYTES = 2048;
/** As git: symbolic refs that lead further are taken for a loop. */
const DEEPEST_SYMBOLIC_REF = 5;
const OBJECT_ID = /^[0-9a-f]{40}$/;

/** What a ref holds, before symbolic refs are followed. */
export type RefValue = { readonly id: string } | { readonly symbolic: RefName };

/**
 * Reads a ref, from its own file or from packed-refs, without git.
 *
 * @returns The object's id: a commit's, or an annotated tag's. `undefined` when there is no such ref.
 * @throws VarveError STORE_DAMAGED when what stands there is no ref.
 */
export function readRefFile(git: string, name: RefName): string | undefined {
  let at = name;
  for (let depth = 0; depth <= DEEPEST_SYMBOLIC_REF; depth += 1) {
    const value = readLooseRef(git, at);
    if (value === undefined) return readPackedRefs(git).get(at)?.id;
    if ("id" in value) return value.id;
    at = value.symbolic;
  }
  throw damagedRef(git, name, "it leads to itself");
}

/** @param name A ref or `HEAD`. @throws VarveError STORE_DAMAGED. */
export function readLooseRef(git: string, name: string): RefValue | undefined {
  const text = readText(git, name);
  if (text === undefined) return undefined;
  const value = text.trimEnd();
  if (OBJECT_ID.test(value)) return { id: value };
  const target = /^ref: *(.+)$/.exec(value)?.[1];
  if (target !== undefined && isRefName(target)) return { symbolic: target as RefName };
  throw damagedRef(git, name, value === "" ? "its file is empty" : "its file holds no commit id");
}

function readText(git: string, name: string): string | undefined {
  try {
    return readRegularFile(path.join(git, name), { largest: LARGEST_REF_BYTES }).toString("utf8");
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    // A directory: other refs stand below this name.
    if (["ENOENT", "ENOTDIR"].includes(errno) || isDirectory(path.join(git, name))) return undefined;
    if (errno === "EFBIG") throw damagedRef(git, name, "its file holds no commit id");
    if (["EFTYPE", "ELOOP", "ENXIO"].includes(errno)) throw damagedRef(git, name, "it is no regular file");
    throw systemFailure(`read the ref "${name}"`, error);
  }
}

function isDirectory(file: string): boolean {
  try {
    readdirSync(file);
    return true;
  } catch {
    return false;
  }
}

function damagedRef(git: string, name: string, state: string): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read the ref "${name}": ${state}`, {
    path: path.join(git, name),
    hint: `Its last known commits stand in "logs/${name}" of the store's git directory. Other refs can still be read.`,
  });
}

/** Names below a prefix, from files and packed-refs, in byte order, whether they can be read or not. */
export function listRefNames(git: string, prefix: string): RefName[] {
  const names = new Set<string>();
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const pending = [folder.startsWith("refs/") ? folder : "refs/"];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of entriesOf(path.join(git, at))) {
      const name = at + entry.name;
      if (entry.isDirectory()) pending.push(`${name}/`);
      else if (name.startsWith(prefix) && isRefName(name)) names.add(name);
    }
  }
  // After the files: `git pack-refs` writes packed-refs first, then removes the files.
  for (const name of readPackedRefs(git).keys()) if (name.startsWith(prefix)) names.add(name);
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) as RefName[];
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw systemFailure("list the refs", error, directory);
  }
}
