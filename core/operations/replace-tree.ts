import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Effect, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { commitTree } from "../layers/commit-tree.js";
import { performOperation, treeAct, treeTarget } from "./change-trees.js";
import { saveLive } from "./commit-target.js";
import { keepSaved } from "./record-operation.js";
import type { LiveTree, Target } from "./targets.js";

export interface ReplaceTreeOptions extends Partial<Omit<Effect, "trees">> {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** A commit that holds what stands there, when it was saved already. */
  readonly saved?: CommitId | undefined;
}

/**
 * Makes a target's tree another one, which may be of no commit: it becomes one that no branch names. What was not committed is saved first, so that
 * `undo`, and the next command after a crash, work as for a rollback. The store's lock is held.
 *
 * @returns The commit that holds what was not committed; `undefined` when all was.
 * @throws VarveError CONFLICT when the target can't be made that tree.
 */
export async function replaceTree(
  repository: Repository,
  target: Target,
  trees: LiveTree,
  wanted: Tree,
  { command, refs = [], saved: known, ...effect }: ReplaceTreeOptions,
): Promise<CommitId | undefined> {
  if (target.kind === "directory") target.worktree.requireApplicable(trees.live, wanted);
  const { commit: head } = trees.head;
  const saved = known ?? (await saveLive(repository, trees, `before ${command}`))?.id;
  const made = await commitTree(repository, {
    parent: head,
    base: trees.committed,
    target: async () => wanted,
    message: `saved: after ${command}`,
  });
  const update: TreeUpdate = { target: treeTarget(target), before: saved ?? head, after: made?.id ?? head };
  const kept = [
    ...(await keepSaved(repository, known === undefined ? saved : undefined)),
    ...(await keepSaved(repository, made?.id)),
  ];
  const draft = { ...effect, command, refs: [...refs, ...kept], trees: [update] };
  await performOperation(repository, draft, [treeAct(repository, target, trees, update)]);
  return saved;
}
