import type { CommitId, RefName, TagId } from "../model/ids.js";
import type { Limits } from "../ports/container-limits.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Operation, Standing, TreeUpdate } from "../ports/operation-log.js";
import type { Progress, ProgressSlot } from "../ports/work-in-progress.js";
import { SAVED } from "../revision/ref-names.js";

/** What some operations changed, as it stood before the first of them. What none of them changed is as it is now. */
export interface EarlierState {
  readonly refs: ReadonlyMap<RefName, { readonly commit: CommitId | undefined; readonly tag: TagId | undefined }>;
  readonly head: RefName | undefined;
  /** By container's id. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** By container's id. */
  readonly names: ReadonlyMap<string, string>;
  /** By container's id. */
  readonly limits: ReadonlyMap<string, Limits>;
  readonly upstreams: ReadonlyMap<RefName, RefName | undefined>;
  readonly progress: ReadonlyMap<ProgressSlot, Progress | undefined>;
  /** By `directory`, or a container's id. Changes of this machine's root, each by itself since they are of other paths: by `machine …`. */
  readonly trees: ReadonlyMap<string, EarlierTree>;
}

export interface EarlierTree {
  readonly target: TreeUpdate["target"];
  /** A commit that holds it; `undefined`: there was no such container. */
  readonly commit: CommitId | undefined;
  /** What the newest of the operations made it. */
  readonly last: CommitId | undefined;
  /** The container's record, as the oldest of the operations that tells it does. */
  readonly container: TreeUpdate["container"];
}

/** @param newer All operations since, newest first. */
export function stateBefore(newer: readonly Operation[]): EarlierState {
  const refs = new Map<RefName, { commit: CommitId | undefined; tag: TagId | undefined }>();
  const standings = new Map<string, Standing>();
  const names = new Map<string, string>();
  const limits = new Map<string, Limits>();
  const upstreams = new Map<RefName, RefName | undefined>();
  const progress = new Map<ProgressSlot, Progress | undefined>();
  const trees = new Map<string, EarlierTree>();
  let head: RefName | undefined;
  // The last one seen of each is the oldest.
  for (const operation of newer) {
    for (const { name, before, beforeTag } of operation.refs) {
      if (!name.startsWith(SAVED)) refs.set(name, { commit: before, tag: beforeTag });
    }
    for (const { container, before } of operation.standings ?? []) standings.set(container, before);
    for (const { container, before } of operation.names ?? []) names.set(container, before);
    for (const { container, before } of operation.limits ?? []) limits.set(container, before);
    for (const { branch, before } of operation.upstreams ?? []) upstreams.set(branch, before);
    for (const { slot, before } of operation.progress ?? []) progress.set(slot, before);
    for (const [index, update] of operation.trees.entries()) {
      if (update.target.kind === "machine") {
        addMachine(trees, update, `machine ${operation.id} ${index}`);
        continue;
      }
      const key = treeKey(update.target);
      const known = trees.get(key);
      const { target, before, after, container } = update;
      trees.set(key, {
        target,
        commit: before,
        last: known === undefined ? after : known.last,
        container: container ?? known?.container,
      });
    }
    head = operation.head?.before ?? head;
  }
  return { refs, head, standings, names, limits, upstreams, progress, trees };
}

/** A container's record as it was before, as far as operations tell. */
export function earlierRecord<Part extends Partial<ContainerRecord>>(
  id: string,
  record: Part,
  { standings, names, limits }: Pick<EarlierState, "standings" | "names" | "limits">,
): Part {
  const [name, former] = [names.get(id), limits.get(id)];
  const configuration = former && record.configuration && { configuration: { ...record.configuration, limits: former } };
  return { ...record, ...standings.get(id), ...(name !== undefined && { name }), ...configuration };
}

/** What took another back, or did it again, adds up with it. */
function addMachine(trees: Map<string, EarlierTree>, { target, before, after }: TreeUpdate, key: string): void {
  const following = [...trees].find(([, tree]) => tree.target.kind === "machine" && tree.commit === after);
  if (following === undefined) {
    trees.set(key, { target, commit: before, last: after, container: undefined });
    return;
  }
  const [known, { last }] = following;
  trees.delete(known);
  if (last !== before) trees.set(known, { target, commit: before, last, container: undefined });
}

export function treeKey(target: TreeUpdate["target"]): string {
  return target.kind === "container" ? target.id : target.kind;
}
