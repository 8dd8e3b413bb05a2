import type { StoreEvent } from "../ports/events.js";
import type { RefUpdate } from "../ports/history.js";
import type { Operation } from "../ports/operation-log.js";
import { shortName } from "../revision/ref-names.js";

/** What a command did, as events: itself, then each branch and tag that it moved. Containers that it made or removed have events of their own. */
export function operationEvents(operation: Operation): readonly StoreEvent[] {
  const { id, time, user, command, trees, undoes } = operation;
  const containers = new Set(trees.flatMap(({ target }) => (target.kind === "container" ? [target.id] : [])));
  const attributes = {
    ...(user !== undefined && { user }),
    ...(undoes !== undefined && { undoes }),
    ...(containers.size > 0 && { containers: [...containers].join(",") }),
  };
  const itself: StoreEvent = { time, type: "operation", action: actionOf(operation), id, name: command, attributes, labels: {} };
  const renamed = new Set(operation.refs.flatMap(({ from }) => from ?? []));
  const moved = operation.refs.filter(({ name, after }) => after !== undefined || !renamed.has(name));
  return [itself, ...moved.flatMap((update) => refEvent(update, operation) ?? [])];
}

const OTHER = "other";

function actionOf({ command, kind }: Operation): string {
  if (kind !== undefined) return kind === "restore" ? "op-restore" : kind;
  if (command.startsWith("failed: ")) return "failed";
  return /^[a-z][a-z-]*(?= |$)/.exec(command)?.[0] ?? OTHER;
}

const TYPES = { "refs/heads/": "branch", "refs/tags/": "tag" } as const;

/** @returns `undefined` for a ref that nobody named. */
function refEvent({ name, before, after, from }: RefUpdate, { id: operation, time }: Operation): StoreEvent | undefined {
  const [prefix, type] = Object.entries(TYPES).find(([each]) => name.startsWith(each)) ?? [];
  const commit = after ?? before;
  if (prefix === undefined || type === undefined || commit === undefined) return undefined;
  const attributes = {
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    ...(from !== undefined && { oldName: shortName(from) }),
    operation,
  };
  return {
    time,
    type,
    action: moveOf({ before, after, from }),
    id: commit,
    name: name.slice(prefix.length),
    attributes,
    labels: {},
  };
}

function moveOf({ before, after, from }: Pick<RefUpdate, "before" | "after" | "from">): string {
  if (from !== undefined) return "rename";
  if (before === undefined) return "create";
  return after === undefined ? "delete" : "move";
}
