import { VarveError } from "../errors.js";
import type { Tree } from "../model/tree.js";
import type { ProcessResult, RunConfiguration } from "../ports/containers.js";
import type { Places } from "../ports/machine-files.js";
import type { MachineRoot, MachineTrial } from "../ports/machine-root.js";
import type { Repository } from "../ports/repository.js";
import { commitTree, type WrittenCommit } from "../layers/commit-tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import { treeOfPaths } from "../trees/tree-of-paths.js";
import { ApplicableChanges } from "./applicable-changes.js";
import { machineAct } from "./change-machine.js";
import { performOperation } from "./change-trees.js";
import type { CommitResult } from "./commit-target.js";
import { openMachineTrees, requireWritable, withLeadingOf } from "./machine-trees.js";
import { keepSaved, recordOperation } from "./record-operation.js";
import { withSharedNetwork } from "./shared-network.js";
import { openCommitTree } from "./targets.js";
import { chosenChanges } from "./chosen-changes.js";
import { type Trial, type TryDecision, type TryResult } from "./try-command.js";

type Keep = Extract<TryDecision, { kind: "keep" }>;

export interface MachineTryOptions {
  readonly configuration: RunConfiguration;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

/**
 * Runs a command on a throw-away layer over this machine's own root. What is kept is two commits of the paths that it changed, alone: as they are on
 * the machine, and after it (docs/decisions/0012-changes-of-the-machine.md). What is applied touches those paths alone, and `undo` takes it back.
 *
 * @throws VarveError NAME_TAKEN for a branch that exists; CONFLICT for `apply` of a path that somebody changed meanwhile; what `MachineRoot.tryOut` and
 *   `MachineFiles.apply` throw.
 */
export async function tryOnMachine(
  repository: Repository,
  machine: MachineRoot,
  options: MachineTryOptions,
  decide: (trial: Trial) => Promise<TryDecision>,
): Promise<TryResult> {
  return machine.tryOut(withSharedNetwork(repository.containers, options.configuration), async (made) => {
    const { result } = made;
    const changes = await compareTrees(made.before, made.after);
    const applicable = new ApplicableChanges(repository.machine, made, changes);
    const trial = { result, changes, requireApplicable: applicable.require };
    const decision = await decide(trial);
    const parts = { repository, options, made, trial };
    const commit = decision.kind === "keep" ? await keep(parts, decision) : undefined;
    const applied = decision.kind === "apply" ? await apply(parts, applicable, decision.paths) : undefined;
    return { trial, decision: decision.kind, commit, applied };
  });
}

interface Parts {
  readonly repository: Repository;
  readonly options: MachineTryOptions;
  readonly made: MachineTrial;
  readonly trial: Trial;
}

/** To be asked before the command runs. @throws VarveError NAME_TAKEN. */
export async function requireNewBranch({ history }: Repository, branch: Keep["branch"]): Promise<void> {
  if ((await history.readRef(branch)) === undefined) return;
  const short = branch.replace("refs/heads/", "");
  throw new VarveError("NAME_TAKEN", `Cannot keep what was changed on this machine on branch "${short}": it exists`, {
    hint: "It becomes the first commits of a branch, of the changed paths alone: name a new one with -b.",
  });
}

async function keep(parts: Parts, { branch, message, paths }: Keep): Promise<CommitResult | undefined> {
  const { repository, options, trial } = parts;
  const chosen = placesOf(chosenChanges(trial.changes, paths));
  if (chosen.size === 0) return undefined;
  return repository.exclusively(async () => {
    await requireNewBranch(repository, branch);
    const commit = await commitSides(parts, chosen, { before: `before: ${message}`, after: message });
    if (commit.after === undefined) return undefined;
    const refs = [{ name: branch, before: undefined, after: commit.after.id }];
    await recordOperation(repository, { command: options.command, refs, trees: [] });
    return { commit: commit.after, branch, ignored: 0, mounts: [], warnings: [] };
  });
}

function placesOf(changes: Trial["changes"]): Places {
  const places = new Set(changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from])));
  for (const place of places) if (place === "") places.delete(place);
  return places;
}

interface Sides {
  readonly before: WrittenCommit;
  /** Absent when both are the same. */
  readonly after: WrittenCommit | undefined;
}

/** The paths as they are on the machine, and on it a commit of what the command made of them: so the second one holds what was deleted. */
async function commitSides(
  { repository, options, made, trial }: Parts,
  places: Places,
  messages: { readonly before: string; readonly after: string },
): Promise<Sides> {
  const live = repository.machine.openTree(places);
  const opened: Tree[] = [live];
  try {
    const nothing = await openCommitTree(repository, undefined);
    opened.push(nothing);
    const former = { parent: undefined, base: nothing, target: async () => live, message: messages.before };
    const before = (await commitTree(repository, former))!;
    const base = await openCommitTree(repository, before.id);
    opened.push(base);
    const target = withLeadingOf(treeOfPaths(made.after, places), base, places);
    const origin = originOf(options.configuration, trial.result);
    const after = await commitTree(repository, {
      parent: before.id,
      base,
      target: async () => target,
      message: messages.after,
      origin,
    });
    return { before, after };
  } finally {
    for (const tree of opened) tree.close();
  }
}

function originOf({ command }: RunConfiguration, { exitCode, durationMilliseconds }: ProcessResult): KeptOrigin {
  return { command, exitCode, durationMilliseconds };
}

type KeptOrigin = NonNullable<Parameters<typeof commitTree>[1]["origin"]>;

async function apply(
  parts: Parts,
  applicable: ApplicableChanges,
  paths: Keep["paths"],
): Promise<NonNullable<TryResult["applied"]>> {
  const { repository, options } = parts;
  return repository.exclusively(async () => {
    applicable.require(paths);
    const { places, changes, skipped } = applicable.chosen(paths);
    const nothing = { changes: 0, saved: undefined, skipped };
    if (places.size === 0) return nothing;
    const { command } = options;
    const sides = await commitSides(parts, places, { before: `saved: before ${command}`, after: `saved: after ${command}` });
    if (sides.after === undefined) return nothing;
    const update = { target: { kind: "machine" }, before: sides.before.id, after: sides.after.id } as const;
    const trees = await openMachineTrees(repository, update);
    try {
      requireWritable(repository, trees, "apply changes to this machine");
    } finally {
      trees.close();
    }
    const refs = [...(await keepSaved(repository, update.before)), ...(await keepSaved(repository, update.after))];
    // What was read above may have changed since, too.
    applicable.require(paths);
    await performOperation(repository, { command, refs, trees: [update] }, [machineAct(repository, update)]);
    return { changes, saved: update.before, skipped };
  });
}
