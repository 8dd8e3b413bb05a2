import { VarveError } from "../../errors.js";
import { commitsOf, conflictStateOf, type ConflictState } from "../../merge/conflict-state.js";
import type { ImageConfig } from "../../model/commit.js";
import { parseCommitId, type CommitId } from "../../model/ids.js";
import type { Progress } from "../../ports/work-in-progress.js";

export type ReplayKind = "cherry-pick" | "revert" | "rebase";

/** A commit whose changes are made once more, or taken back. */
export interface ReplayStep {
  readonly commit: CommitId;
  /** Which parent of it the changes are against: 1 is the first. */
  readonly parent: number;
}

/** What was not committed when a rebase began, to be put on top at its end. */
export interface Uncommitted {
  /** What it stood on. */
  readonly base: CommitId;
  /** A commit that no branch names, with all of it. */
  readonly saved: CommitId;
}

/** A cherry-pick, revert or rebase that waits for a person: docs/on-disk-format.md, section 6.1. */
export interface ReplayState {
  /** Where the branch stood before. */
  readonly before: CommitId | undefined;
  /** The tree to go back to; `undefined`: the empty one. */
  readonly origin: CommitId | undefined;
  /** Where the branch stands: what is made so far. */
  readonly current: CommitId | undefined;
  /** The step that waits; absent when it is what was not committed that does. */
  readonly waiting: WaitingStep | undefined;
  readonly todo: readonly ReplayStep[];
  readonly done: number;
  readonly uncommitted: Uncommitted | undefined;
  readonly favor: "ours" | "theirs" | undefined;
  /** Whether messages are to tell which commit was picked. */
  readonly noted: boolean;
  /** What the commits are put on, for people. */
  readonly label: string;
  /** Of a container's rebase: what its branch is on afterwards, see ContainerRecord.branchMadeAt. */
  readonly madeAt: CommitId | undefined;
  readonly conflicts: ConflictState;
}

export interface WaitingStep extends ReplayStep {
  /** Of the commit to come. */
  readonly message: string;
  readonly config: ImageConfig | undefined;
}

export function replayProgress(kind: ReplayKind, state: ReplayState): Progress {
  const { before, origin, current, waiting, todo, uncommitted, madeAt, conflicts, ...rest } = state;
  const named = [before, origin, current, madeAt, waiting?.commit, uncommitted?.base, uncommitted?.saved];
  const commits = [...named.flatMap((id) => id ?? []), ...todo.map(({ commit }) => commit), ...commitsOf(conflicts)];
  return {
    kind,
    commits: [...new Set(commits)],
    state: { before, origin, current, waiting, todo, uncommitted, madeAt, ...rest, ...conflicts },
  };
}

/** @throws VarveError STORE_DAMAGED. */
export function replayStateOf(progress: Progress): ReplayState {
  const conflicts = conflictStateOf(progress);
  const { state } = progress;
  try {
    if (conflicts === undefined) throw new TypeError("it has no conflicts");
    return {
      before: commitIn(state["before"]),
      origin: commitIn(state["origin"]),
      current: commitIn(state["current"]),
      waiting: waitingIn(state["waiting"]),
      todo: (state["todo"] as readonly unknown[]).map(stepIn),
      done: count(state["done"]),
      uncommitted: uncommittedIn(state["uncommitted"]),
      favor: state["favor"] === "ours" || state["favor"] === "theirs" ? state["favor"] : undefined,
      noted: state["noted"] === true,
      label: text(state["label"]),
      madeAt: commitIn(state["madeAt"]),
      conflicts,
    };
  } catch (cause) {
    throw new VarveError("STORE_DAMAGED", `Cannot go on with the ${progress.kind}: what is kept of it is not readable`, {
      hint: `\`varve undo\` takes the ${progress.kind} back, and with it what is kept of it.`,
      cause,
    });
  }
}

function commitIn(value: unknown): CommitId | undefined {
  return value === undefined || value === null ? undefined : parseCommitId(value);
}

function stepIn(value: unknown): ReplayStep {
  const { commit, parent } = value as Record<keyof ReplayStep, unknown>;
  return { commit: parseCommitId(commit), parent: count(parent) };
}

function waitingIn(value: unknown): WaitingStep | undefined {
  if (value === undefined || value === null) return undefined;
  const { message, config } = value as Record<keyof WaitingStep, unknown>;
  const known = config === undefined || config === null ? undefined : (config as ImageConfig);
  return { ...stepIn(value), message: text(message), config: known };
}

function uncommittedIn(value: unknown): Uncommitted | undefined {
  if (value === undefined || value === null) return undefined;
  const { base, saved } = value as Record<keyof Uncommitted, unknown>;
  return { base: parseCommitId(base), saved: parseCommitId(saved) };
}

function count(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError("a number is none");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("a text is none");
}
