import { lstatSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";

/** A ref of `packed-refs`, which `git pack-refs` writes. */
export interface PackedRef {
  readonly id: string;
  /** The commit, when `id` is an annotated tag's. */
  readonly peeled?: string;
}

const FILE = "packed-refs";
/** Of some million refs. */
const LARGEST_FILE_BYTES = 2 ** 28;
const NONE: ReadonlyMap<string, PackedRef> = new Map();
const LINE = /^([0-9a-f]{40}) (refs\/\S.*)$/;
const PEELED = /^\^([0-9a-f]{40})$/;

/** What was read last: it is asked for each ref that has no file of its own. */
let known: { readonly state: string; readonly refs: ReadonlyMap<string, PackedRef> } | undefined;

/** @returns By name, in the file's order. @throws VarveError STORE_DAMAGED. @see gitrepository-layout(5), git-pack-refs(1). */
export function readPackedRefs(git: string): ReadonlyMap<string, PackedRef> {
  const state = stateOf(git);
  if (state === undefined) return NONE;
  if (known?.state !== state) known = { state, refs: parsePackedRefs(git) };
  return known.refs;
}

/** Changes whenever the file is replaced, which is how git and varve change it. `undefined`: there is none. */
function stateOf(git: string): string | undefined {
  const stat = lstatSync(path.join(git, FILE), { bigint: true, throwIfNoEntry: false });
  return stat && [git, stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(" ");
}

function parsePackedRefs(git: string): ReadonlyMap<string, PackedRef> {
  const refs = new Map<string, PackedRef>();
  let last: string | undefined;
  for (const line of readLines(git)) {
    const [, id, name] = LINE.exec(line) ?? [];
    const peeled = PEELED.exec(line)?.[1];
    if (id !== undefined && name !== undefined) refs.set((last = name), { id });
    else if (peeled !== undefined && last !== undefined) refs.set(last, { id: refs.get(last)?.id ?? peeled, peeled });
    else if (line !== "" && !line.startsWith("#")) throw damaged(git);
  }
  return refs;
}

/** The file's text without some refs, or `undefined` when it holds none of them. */
export function withoutPackedRefs(git: string, names: ReadonlySet<string>): string | undefined {
  let dropping = false;
  const lines = readLines(git);
  const kept = lines.filter((line) => {
    if (!line.startsWith("^")) dropping = names.has(LINE.exec(line)?.[2] ?? "");
    return !dropping;
  });
  return kept.length < lines.length ? kept.join("\n") : undefined;
}

function readLines(git: string): string[] {
  try {
    return readRegularFile(path.join(git, FILE), { largest: LARGEST_FILE_BYTES }).toString("utf8").split("\n");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw systemFailure("read the packed refs", error, path.join(git, FILE));
  }
}

function damaged(git: string): VarveError {
  return new VarveError("STORE_DAMAGED", "Cannot read the packed refs: a line is no ref", {
    path: path.join(git, FILE),
    hint: "Run `git fsck` in the store's git directory, and restore the file from a backup.",
  });
}
