import test from "ava";
import { eventFilter } from "../../../core/events/event-filter.js";
import { operationEvents } from "../../../core/events/operation-events.js";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import type { StoreEvent } from "../../../core/ports/events.js";
import type { Operation } from "../../../core/ports/operation-log.js";

const ID = "0a1b2c3d4e5f";
const WEB: StoreEvent = {
  time: "2026-11-27T12:00:00Z",
  type: "container",
  action: "die",
  id: ID,
  name: "web",
  attributes: { exitCode: "0" },
  labels: { app: "shop", note: "a=b" },
};
const BRANCH: StoreEvent = { ...WEB, type: "branch", action: "move", id: "f".repeat(40), attributes: {}, labels: {} };
const COMMIT: StoreEvent = { ...BRANCH, type: "operation", action: "commit", attributes: { containers: `111111111111,${ID}` } };

for (const [filters, wants] of [
  [[], [true, true, true]],
  [["type=container"], [true, false, false]],
  [
    ["type=container", "type=branch"],
    [true, true, false],
  ],
  [
    ["type=container", "event=start"],
    [false, false, false],
  ],
  [["event=died"], [true, false, false]],
  [["container=web"], [true, false, false]],
  [["container=0a1b"], [true, false, true]],
  [["container=0"], [false, false, false]],
  [["branch=web"], [false, true, false]],
  [["label=app"], [true, false, false]],
  [["label=app=shop"], [true, false, false]],
  [["label=note=a=b"], [true, false, false]],
  [["label=app=other"], [false, false, false]],
  [["label=constructor"], [false, false, false]],
] as const) {
  test(`--filter ${filters.join(" ")}`, (t) => {
    t.deepEqual([WEB, BRANCH, COMMIT].map(eventFilter(filters)), [...wants]);
  });
}

for (const wrong of ["", "type", "type=", "=x", "colour=red", "constructor=x", "type=image"]) {
  test(`a filter that is none is refused: "${wrong}"`, (t) => {
    t.throws(() => eventFilter([wrong]), { code: "USAGE" });
  });
}

const [A, B] = ["a".repeat(40) as CommitId, "b".repeat(40) as CommitId];
const heads = (name: string): RefName => `refs/heads/${name}` as RefName;

function operation(changes: Partial<Operation>): Operation {
  return { id: "abcdefabcdef", time: "2026-11-27T12:00:00Z", command: "commit -m x", refs: [], trees: [], ...changes };
}

test("an operation is an event, and each branch and tag that it moved one more; hidden refs are none", (t) => {
  const events = operationEvents(
    operation({
      user: "A <a@b>",
      refs: [
        { name: heads("main"), before: A, after: B },
        { name: heads("new"), before: undefined, after: A },
        { name: "refs/tags/v1" as RefName, before: A, after: undefined },
        { name: `refs/varve/saved/${A}` as RefName, before: undefined, after: A },
        { name: heads("old-name"), before: A, after: undefined },
        { name: heads("new-name"), before: undefined, after: A, from: heads("old-name") },
      ],
      trees: [{ target: { kind: "container", id: ID }, before: A, after: B }],
    }),
  );
  t.deepEqual(
    events.map(({ type, action, name, id }) => [type, action, name, id]),
    [
      ["operation", "commit", "commit -m x", "abcdefabcdef"],
      ["branch", "move", "main", B],
      ["branch", "create", "new", A],
      ["tag", "delete", "v1", A],
      ["branch", "rename", "new-name", A],
    ],
  );
  t.deepEqual(events[0]?.attributes, { user: "A <a@b>", containers: ID });
  t.deepEqual(events[4]?.attributes, { after: A, oldName: "old-name", operation: "abcdefabcdef" });
});

for (const [changes, action] of [
  [{ command: "rollback main~2" }, "rollback"],
  [{ command: "undo", kind: "undo" }, "undo"],
  [{ command: "op restore root", kind: "restore" }, "op-restore"],
  [{ command: "failed: commit" }, "failed"],
  [{ command: "\u001b[31m" }, "other"],
  [{ command: "" }, "other"],
] as const) {
  test(`the action of the operation ${JSON.stringify(changes)} is ${action}`, (t) => {
    t.is(operationEvents(operation(changes))[0]?.action, action);
  });
}
