import { VarveError } from "../errors.js";
import type { Change } from "../model/change.js";
import type { Tree } from "../model/tree.js";
import type { RunConfiguration } from "../ports/containers.js";
import type { MachineRoot } from "../ports/machine-root.js";
import type { Repository } from "../ports/repository.js";
import { commitTree } from "../layers/commit-tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import { treeOfPaths } from "../trees/tree-of-paths.js";
import type { CommitResult } from "./commit-target.js";
import { recordOperation } from "./record-operation.js";
import { openCommitTree } from "./targets.js";
import { chosenChanges, type Trial, type TryDecision, type TryResult } from "./try-command.js";

type Keep = Extract<TryDecision, { kind: "keep" }>;

export interface MachineTryOptions {
  readonly configuration: RunConfiguration;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

/**
 * Runs a command on a throw-away layer over this machine's own root. What is kept is a commit of the paths that it added or changed, alone:
 * the first one of a new branch. The machine itself is never changed.
 *
 * @throws VarveError NAME_TAKEN for a branch that exists; WRONG_TYPE for `apply`; what `MachineRoot.tryOut` throws.
 */
export async function tryOnMachine(
  repository: Repository,
  machine: MachineRoot,
  { configuration, command }: MachineTryOptions,
  decide: (trial: Trial) => Promise<TryDecision>,
): Promise<TryResult> {
  return machine.tryOut(configuration, async ({ result, before, after }) => {
    const trial = { result, changes: await compareTrees(before, after) };
    const decision = await decide(trial);
    if (decision.kind === "apply") throw notApplicable();
    const origin = { command: configuration.command, ...result };
    const commit =
      decision.kind === "keep" ? await keep(repository, after, trial.changes, { ...decision, command, origin }) : undefined;
    return { trial, decision: decision.kind, commit, applied: undefined };
  });
}

/** To be asked before the command runs. @throws VarveError NAME_TAKEN. */
export async function requireNewBranch({ history }: Repository, branch: Keep["branch"]): Promise<void> {
  if ((await history.readRef(branch)) === undefined) return;
  const short = branch.replace("refs/heads/", "");
  throw new VarveError("NAME_TAKEN", `Cannot keep what was changed on this machine on branch "${short}": it exists`, {
    hint: "It becomes the first commit of a branch, of the changed paths alone: name a new one with -b.",
  });
}

export function notApplicable(): VarveError {
  return new VarveError("WRONG_TYPE", "Cannot apply changes to this machine's own root: varve does not write there", {
    hint: "Keep them on a branch (--keep -b BRANCH): varve export BRANCH | tar -x -C / then puts the paths there. Or run the command again, without try.",
  });
}

async function keep(
  repository: Repository,
  after: Tree,
  changes: readonly Change[],
  { branch, message, paths, command, origin }: Keep & Pick<MachineTryOptions, "command"> & { readonly origin: KeptOrigin },
): Promise<CommitResult | undefined> {
  const chosen = new Set(
    chosenChanges(changes, paths).flatMap(({ path, after: node }) => (node === undefined || path === "" ? [] : [path])),
  );
  if (chosen.size === 0) return undefined;
  return repository.exclusively(async () => {
    await requireNewBranch(repository, branch);
    const base = await openCommitTree(repository, undefined);
    try {
      const target = treeOfPaths(after, chosen);
      const commit = await commitTree(repository, { parent: undefined, base, target: async () => target, message, origin });
      if (commit === undefined) return undefined;
      await recordOperation(repository, { command, refs: [{ name: branch, before: undefined, after: commit.id }], trees: [] });
      return { commit, branch, ignored: 0, mounts: [], warnings: [] };
    } finally {
      base.close();
    }
  });
}

type KeptOrigin = NonNullable<Parameters<typeof commitTree>[1]["origin"]>;
