import type { OperationState } from "../../core/operations/operation-states.js";
import type { Effect, Standing } from "../../core/ports/operation-log.js";
import { refText } from "./names.js";

/** One element of `op log --json`: docs/json.md, "op". */
export function operationJson({ operation, live }: OperationState): Record<string, unknown> {
  const { id, time, user, command, kind, undoes } = operation;
  const facts = { id, time, user: user ?? null, command, live, kind: kind ?? null, undoes: undoes ?? null };
  return { ...facts, ...effectJson(operation) };
}

/** What it moved. */
export function effectJson({
  refs,
  trees,
  head,
  standings = [],
  names = [],
  limits = [],
  upstreams = [],
  progress = [],
}: Effect): Record<string, unknown> {
  return {
    refs: refs.map(({ name, before, after }) => ({ name, before: before ?? null, after: after ?? null })),
    head: head === undefined ? null : { before: refText(head.before), after: refText(head.after) },
    trees: trees.map(({ target, before, after }) => ({
      kind: target.kind,
      container: target.kind === "container" ? target.id : null,
      before: before ?? null,
      after: after ?? null,
    })),
    branches: standings.map(({ container, before, after }) => ({ container, before: branchOf(before), after: branchOf(after) })),
    names: names.map(({ container, before, after }) => ({ container, before, after })),
    limits: limits.map(({ container, before, after }) => ({ container, before, after })),
    upstreams: upstreams.map(({ branch, before, after }) => ({
      branch: refText(branch),
      before: before === undefined ? null : refText(before),
      after: after === undefined ? null : refText(after),
    })),
    progress: progress.map(({ slot, before, after }) => ({ slot, before: before?.kind ?? null, after: after?.kind ?? null })),
  };
}

function branchOf({ branch }: Standing): string {
  return refText(branch);
}
