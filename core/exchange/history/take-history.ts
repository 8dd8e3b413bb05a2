import type { OpenedHistory } from "../../ports/histories.js";
import type { Repository } from "../../ports/repository.js";
import type { RefUpdate } from "../../ports/history.js";
import { recordOperation } from "../../operations/record-operation.js";
import { bringHistory, type BringOptions, type BroughtHistory } from "./bring-history.js";
import { planRefs, type FetchedRef } from "./fetch-refs.js";

export interface TakeOptions extends BringOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Moves refs that stand elsewhere, too. */
  readonly force: boolean;
}

export interface TakenHistory extends Omit<BroughtHistory, "commits"> {
  /** How many commits the store did not have. */
  readonly commits: number;
  readonly refs: readonly FetchedRef[];
}

/**
 * Takes a history in and moves refs by the rules of `git fetch`: as one operation, which `undo` takes back. The store's lock is held by the caller.
 *
 * @param also Refs that move besides.
 * @throws VarveError What `bringHistory` throws; NAME_TAKEN when one ref's name is a folder of another's.
 */
export async function takeHistory(
  repository: Repository,
  opened: OpenedHistory,
  options: TakeOptions,
  also: readonly RefUpdate[] = [],
): Promise<TakenHistory> {
  const { commits, ...brought } = await bringHistory(repository, opened, options);
  const { refs, updates } = await planRefs(repository, opened.refs, options.force);
  const named = new Set(also.map(({ name }) => name));
  const all = [...updates.filter(({ name }) => !named.has(name)), ...also];
  if (all.length > 0) await recordOperation(repository, { command: options.command, refs: all, trees: [] });
  return { ...brought, commits: commits.length, refs };
}
