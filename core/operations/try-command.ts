import type { Change } from "../model/change.js";
import type { ByteString } from "../model/byte-string.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { ContainerRecord, ProcessResult } from "../ports/containers.js";
import type { SkippedPath } from "../ports/machine-files.js";
import type { Repository } from "../ports/repository.js";
import { VarveError } from "../errors.js";
import { commitTree } from "../layers/commit-tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import { replaceSelected } from "../trees/replace-selected.js";
import { requireFree } from "./branches.js";
import { chosenChanges } from "./chosen-changes.js";
import { saveLive, type CommitResult } from "./commit-target.js";
import { requireStopped } from "./container-state.js";
import { inPassingContainer, type PassingConfiguration } from "./passing-container.js";
import { keepSaved, recordOperation } from "./record-operation.js";
import { restorePaths } from "./restore-paths.js";
import type { Side } from "./sides.js";
import { headOf, openCommitTree, openLiveTree, type Target } from "./targets.js";

export interface TryOptions {
  /** What the command runs over. Of a live tree what is not committed counts, too. */
  readonly side: Side;
  readonly configuration: PassingConfiguration;
  readonly verify?: ((layers: readonly LayerId[]) => Promise<void>) | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

/** What the command did. */
export interface Trial {
  readonly result: ProcessResult;
  readonly changes: readonly Change[];
  /** Of this machine's root: @throws VarveError CONFLICT when somebody has changed one of the selected paths meanwhile. */
  readonly requireApplicable?: (paths?: PathSelection) => void;
}

/** What becomes of it. `paths` keeps some of the changes; absent: all. */
export type TryDecision =
  | { readonly kind: "discard" }
  | {
      readonly kind: "keep";
      /** Made when absent; else it must stand where the command ran. */
      readonly branch: RefName;
      readonly message: string;
      readonly paths?: PathSelection | undefined;
    }
  | { readonly kind: "apply"; readonly paths?: PathSelection | undefined };

export interface TryResult {
  readonly trial: Trial;
  readonly decision: TryDecision["kind"];
  /** Of `keep`; `undefined` when no change was chosen. */
  readonly commit: CommitResult | undefined;
  /** Of `apply`. */
  readonly applied:
    | {
        readonly changes: number;
        /** Holds what it overwrote or removed. */
        readonly saved: CommitId | undefined;
        /** Of this machine's root: what is never written to. */
        readonly skipped?: readonly SkippedPath[];
      }
    | undefined;
}

/**
 * Runs a command on a throw-away layer over a commit or a live tree, and does with its changes what `decide` says of them.
 *
 * @throws VarveError WRONG_TYPE for `apply` over a commit; what `inPassingContainer`, `restorePaths` and `requireKeepable` throw.
 */
export async function tryCommand(
  repository: Repository,
  options: TryOptions,
  decide: (trial: Trial) => Promise<TryDecision>,
): Promise<TryResult> {
  const { side, configuration, verify } = options;
  const passing = { word: "try", configuration, verify, base: () => standingOn(repository, side, options.command) };
  return inPassingContainer(repository, passing, async (record, result) => {
    const base = await openCommitTree(repository, record.base);
    const live = await repository.containers.openTree(record, base);
    try {
      const trial = { result, changes: await compareTrees(base, live) };
      const decision = await decide(trial);
      const parts = { repository, options, record, base, live, trial };
      const commit = decision.kind === "keep" ? await keep(parts, decision) : undefined;
      const applied = decision.kind === "apply" ? await apply(parts, decision.paths) : undefined;
      return { trial, decision: decision.kind, commit, applied };
    } finally {
      for (const tree of new Set([live, base])) tree.close();
    }
  });
}

/** The commit that the layer stands on: of a live tree with changes one that no ref names, which the container keeps meanwhile. */
async function standingOn(repository: Repository, side: Side, command: string): Promise<CommitId> {
  if (side.kind === "commit") return side.commit ?? throwNoCommit();
  const { target } = side;
  const save = async (): Promise<CommitId> => {
    const trees = await openLiveTree(repository, target);
    try {
      return (await saveLive(repository, trees, `before ${command}`))?.id ?? trees.head.commit ?? throwNoCommit();
    } finally {
      trees.close();
    }
  };
  return target.kind === "container" ? repository.containers.whilePaused(target.record, save) : save();
}

interface Parts {
  readonly repository: Repository;
  readonly options: TryOptions;
  readonly record: ContainerRecord;
  readonly base: Tree;
  readonly live: Tree;
  readonly trial: Trial;
}

/** The commit that a kept change gets as its parent: for a live tree its HEAD, so that what is not committed there goes with it. */
async function parentOf(repository: Repository, { side }: TryOptions): Promise<CommitId | undefined> {
  return side.kind === "commit" ? side.commit : (await headOf(repository, side.target)).commit;
}

/**
 * To be asked before the command runs, so that it does not run in vain.
 * @throws VarveError BRANCH_BUSY; CONFLICT when the branch stands elsewhere.
 */
export async function requireKeepable(repository: Repository, side: Side, branch: RefName): Promise<void> {
  await requireFree(repository, branch, "use");
  const before = await repository.history.readRef(branch);
  const parent = side.kind === "commit" ? side.commit : (await headOf(repository, side.target)).commit;
  if (before === undefined || before === parent) return;
  const short = branch.replace("refs/heads/", "");
  throw new VarveError(
    "CONFLICT",
    `Cannot keep changes on branch "${short}": it stands at ${before.slice(0, 12)}, not where the command runs`,
    { hint: `Try the command over ${short} itself, or name another branch with -b.` },
  );
}

async function keep(
  { repository, options, base, live, trial }: Parts,
  { branch, message, paths }: Extract<TryDecision, { kind: "keep" }>,
): Promise<CommitResult | undefined> {
  return repository.exclusively(async () => {
    await requireKeepable(repository, options.side, branch);
    const parent = await parentOf(repository, options);
    const committed = await openCommitTree(repository, parent);
    try {
      const target = paths === undefined ? live : replaceSelected(base, live, exactly(trial.changes, paths));
      const { command } = options;
      const { exitCode, durationMilliseconds } = trial.result;
      const origin = { command: options.configuration("", undefined).command, exitCode, durationMilliseconds };
      const commit = await commitTree(repository, { parent, base: committed, target: async () => target, message, origin });
      if (commit === undefined) return undefined;
      const before = await repository.history.readRef(branch);
      await recordOperation(repository, { command, refs: [{ name: branch, before, after: commit.id }], trees: [] });
      return { commit, branch, ignored: 0, mounts: [], warnings: [] };
    } finally {
      committed.close();
    }
  });
}

/** @throws VarveError WRONG_TYPE over a commit, which never changes; CONTAINER_RUNNING. */
export function requireApplicableSide(side: Side): Target {
  if (side.kind === "live") {
    if (side.target.kind === "container") requireStopped(side.target, "apply changes to");
    return side.target;
  }
  throw new VarveError("WRONG_TYPE", "Cannot apply changes to a commit: it never changes, wanted a live tree", {
    hint: "Keep them as a new commit (--keep -b BRANCH), or try the command over @, the tracked directory, or @NAME, a container.",
  });
}

async function apply(
  { repository, options, record, base, live, trial }: Parts,
  paths: PathSelection | undefined,
): Promise<{ readonly changes: number; readonly saved: CommitId | undefined }> {
  const target = requireApplicableSide(options.side);
  if (trial.changes.length === 0) return { changes: 0, saved: undefined };
  const source = await repository.exclusively(async () => {
    const tried = await commitTree(repository, {
      parent: record.base,
      base,
      target: async () => live,
      message: `saved: after ${options.command}`,
    });
    // Kept: the lock is given back before its paths are taken over.
    await repository.history.updateRefs(await keepSaved(repository, tried?.id));
    return tried?.id ?? record.base;
  });
  const selection = exactly(trial.changes, paths);
  if (selection.places?.length === 0) return { changes: 0, saved: undefined };
  const result = await restorePaths(repository, target, { source, paths: selection, command: options.command });
  result.close();
  return { changes: result.changes.length, saved: result.saved };
}

/** Beyond so many places a walk of everything is faster than asking each of them. */
const MOST_PLACES = 500;

/** The changed paths themselves, without what else stands below those that are directories. */
export function exactly(changes: readonly Change[], wanted?: PathSelection): PathSelection {
  const chosen = chosenChanges(changes, wanted);
  const paths = new Set<ByteString>(chosen.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from])));
  const has = (path: ByteString): boolean => paths.has(path);
  return { has, places: paths.size <= MOST_PLACES ? [...paths] : undefined };
}

function throwNoCommit(): never {
  throw new VarveError("REVISION_UNKNOWN", "Cannot try a command: the tree has no commit yet", {
    hint: "Commit or import one first: varve commit -m MSG",
  });
}
