import { VarveError } from "../errors.js";
import type { CommitId } from "../model/ids.js";
import type { RefUpdate } from "../ports/history.js";
import type { Effect, Standing } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { layerChain } from "../layers/layer-chain.js";
import { shortName } from "../revision/ref-names.js";
import { areSameLimits } from "./move-containers.js";
import { isNotSaved } from "./record-operation.js";

/** @throws VarveError NOTHING_TO_UNDO when what it would bring back is gone: `gc` keeps what younger operations name. */
export async function requireKept(repository: Repository, { refs, trees }: Effect, task: string): Promise<void> {
  for (const { before } of [...refs, ...trees]) {
    if (before === undefined || (await isKept(repository, before))) continue;
    throw new VarveError("NOTHING_TO_UNDO", `Cannot ${task}: commit "${before.slice(0, 12)}" is gone`, {
      hint: "Garbage collection keeps what operations of the last 30 days need, or what --prune-age told. If it should still be there, `varve fsck` tells what is damaged.",
    });
  }
}

async function isKept({ history, layers }: Repository, commit: CommitId): Promise<boolean> {
  try {
    return (await layerChain(history, commit)).every((layer) => layers.has(layer));
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

/**
 * Whether refs, HEAD and containers' branches stand where an effect put them, or already where they stood before.
 *
 * @param wayOut What to do where something has moved on, asked for only then.
 * @throws VarveError CONFLICT.
 */
export async function requireUnmoved(
  repository: Repository,
  effect: Effect,
  task: string,
  wayOut: () => Promise<string | undefined>,
): Promise<void> {
  const moved = (await movedRef(repository, effect.refs)) ?? (await movedStanding(repository, effect));
  if (moved === undefined) return;
  throw new VarveError("CONFLICT", `Cannot ${task}: ${moved}`, { hint: await wayOut() });
}

async function movedRef({ history }: Repository, refs: readonly RefUpdate[]): Promise<string | undefined> {
  for (const { name, before, after, beforeTag, afterTag } of refs.filter(isNotSaved)) {
    const [commit, tag] = [await history.readRef(name), (await history.readTag(name))?.id];
    if ((commit === after && tag === afterTag) || (commit === before && tag === beforeTag)) continue;
    return `"${shortName(name)}" has moved since, ${placeText(commit)}, wanted ${placeText(after)}`;
  }
  return undefined;
}

function placeText(commit: CommitId | undefined): string {
  return commit === undefined ? "absent" : `at ${commit.slice(0, 12)}`;
}

async function movedStanding({ history, containers }: Repository, effect: Effect): Promise<string | undefined> {
  const { head, standings = [], names = [], limits = [] } = effect;
  const current = head && (await history.head());
  if (head !== undefined && current !== head.after && current !== head.before)
    return `HEAD is on "${shortName(current ?? head.after)}" now, wanted "${shortName(head.after)}"`;
  for (const { container, before, after } of standings) {
    const record = containers.list().find(({ record: { id } }) => id === container)?.record;
    if (record === undefined || [before, after].some((each: Standing) => each.branch === record.branch)) continue;
    return `container "${record.name}" is on "${shortName(record.branch)}" now, wanted "${shortName(after.branch)}"`;
  }
  const records = new Map(containers.list().map(({ record }) => [record.id, record]));
  for (const { container, before, after } of names) {
    const name = records.get(container)?.name;
    if (name !== undefined && name !== before && name !== after) return `container ${container} is called "${name}" now`;
  }
  for (const { container, before, after } of limits) {
    const record = records.get(container);
    if (record !== undefined && ![before, after].some((each) => areSameLimits(each, record.configuration.limits)))
      return `container "${record.name}" has other limits now`;
  }
  return undefined;
}
