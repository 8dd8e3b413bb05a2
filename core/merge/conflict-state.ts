import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import { type CommitId, parseCommitId } from "../model/ids.js";
import type { Progress } from "../ports/work-in-progress.js";
import { CONFLICT_KINDS, type ConflictKind, type Disputed, type Renamed } from "./conflict.js";
import type { ShownConflict } from "./conflicted-tree.js";

/** A conflict as it is kept while it waits for a person. */
export interface ConflictRecord {
  readonly path: ByteString;
  readonly kind: ConflictKind;
  readonly details: readonly string[];
  readonly disputed: readonly Disputed[];
  readonly isMarked: boolean;
  /** What shows it, beside the path. */
  readonly files: readonly ByteString[];
  readonly renamed?: Renamed;
  /** Set by `resolve`. */
  readonly isResolved: boolean;
}

/** What anything that stopped at conflicts keeps of them in its state: a merge, a cherry-pick, a step of a rebase. */
export interface ConflictState {
  /** Whose trees were merged; of several bases they were merged first, of none the base is empty. */
  readonly sides: { readonly bases: readonly CommitId[]; readonly ours: CommitId | undefined; readonly theirs: CommitId };
  /** A commit that no branch names: the tree as it was put before the person. */
  readonly shown: CommitId;
  readonly conflicts: readonly ConflictRecord[];
}

export function conflictRecord({ path, kind, details, disputed, isMarked, files, renamed }: ShownConflict): ConflictRecord {
  return { path, kind, details, disputed, isMarked, files, ...(renamed && { renamed }), isResolved: false };
}

export function isOpen({ isResolved }: ConflictRecord): boolean {
  return !isResolved;
}

/** The commits that are needed while the conflicts wait: `Progress.commits`. */
export function commitsOf({ sides: { bases, ours, theirs }, shown }: ConflictState): readonly CommitId[] {
  return [...new Set([...bases, ...(ours === undefined ? [] : [ours]), theirs, shown])];
}

/** @returns `undefined` for a progress that has no conflicts. @throws VarveError STORE_DAMAGED. */
export function conflictStateOf({ kind, state }: Progress): ConflictState | undefined {
  if (state["conflicts"] === undefined) return undefined;
  try {
    const sides = state["sides"] as ConflictState["sides"];
    const ours = sides.ours as CommitId | null | undefined;
    return {
      sides: {
        bases: sides.bases.map(parseCommitId),
        ours: ours === undefined || ours === null ? undefined : parseCommitId(ours),
        theirs: parseCommitId(sides.theirs),
      },
      shown: parseCommitId(state["shown"]),
      conflicts: (state["conflicts"] as readonly unknown[]).map(parseRecord),
    };
  } catch (cause) {
    throw new VarveError("STORE_DAMAGED", `Cannot read the conflicts of the ${kind} in progress: ${(cause as Error).message}`, {
      hint: `\`varve undo\` takes the ${kind} back, and with it what is kept of it.`,
      cause,
    });
  }
}

function parseRecord(value: unknown): ConflictRecord {
  const { path, kind, details, disputed, isMarked, files, renamed, isResolved } = value as Record<keyof ConflictRecord, unknown>;
  const known = CONFLICT_KINDS.find((each) => each === kind);
  if (known === undefined) throw new TypeError("a kind of conflict is none that is known");
  return {
    path: bytes(path),
    kind: known,
    details: list(details).map(String),
    disputed: list(disputed).flatMap((what) => DISPUTED.find((each) => each === what) ?? []),
    isMarked: isMarked === true,
    files: list(files).map(bytes),
    ...(renamed !== undefined && { renamed: parseRenamed(renamed as Renamed) }),
    isResolved: isResolved === true,
  };
}

const DISPUTED: readonly Disputed[] = ["content", "mode", "owner", "xattr"];

function parseRenamed({ from, ours, theirs }: Renamed): Renamed {
  return {
    from: bytes(from),
    ...(ours !== undefined && { ours: bytes(ours) }),
    ...(theirs !== undefined && { theirs: bytes(theirs) }),
  };
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("a list is none");
}

function bytes(value: unknown): ByteString {
  if (typeof value === "string" && !/[^\0-\xff]/.test(value)) return value as ByteString;
  throw new TypeError("a path is none");
}
