import type { ExecutionContext, TestFn } from "ava";
import { parseCommitId, type RefName } from "../../core/model/ids.js";
import type { Operation, OperationDraft, OperationLog } from "../../core/ports/operation-log.js";

const COMMIT = parseCommitId("a".repeat(40));

export function operationDraft(command: string): OperationDraft {
  return {
    command,
    refs: [{ name: "refs/heads/main" as RefName, before: undefined, after: COMMIT }],
    trees: [{ target: { kind: "directory" }, before: COMMIT, after: undefined }],
  };
}

export async function listed(log: OperationLog): Promise<Operation[]> {
  const operations: Operation[] = [];
  for await (const operation of log.list()) operations.push(operation);
  return operations;
}

/** What every operation log promises. @param open Gives an empty one. */
export function operationLogContract(test: TestFn, name: string, open: (t: ExecutionContext) => OperationLog): void {
  test(`${name}: list() of a new log is empty`, async (t) => {
    t.deepEqual(await listed(open(t)), []);
  });

  test(`${name}: list() gives what was appended, newest first`, async (t) => {
    const log = open(t);
    const first = await log.append({ ...operationDraft("import x"), undoes: "0123456789ab" });
    const [before, after] = ["refs/heads/main", "refs/heads/x"] as [RefName, RefName];
    const second = await log.append({ ...operationDraft('commit -m "ö\n"'), head: { before, after } });
    t.deepEqual(await listed(log), [second, first]);
  });

  test(`${name}: append() gives every operation an id of its own and a time`, async (t) => {
    const log = open(t);
    const operations = [];
    for (let count = 0; count < 50; count += 1) operations.push(await log.append(operationDraft("same")));
    t.is(new Set(operations.map(({ id }) => id)).size, 50);
    for (const { id, time } of operations) {
      t.regex(id, /^[0-9a-f]{12}$/);
      t.is(new Date(time).toISOString(), time);
    }
  });

  test(`${name}: interrupted() is what was logged between begin() and settle(), and nothing before or after`, async (t) => {
    const log = open(t);
    for (const command of ["first", "second"]) {
      await log.begin();
      t.true(log.isUnsettled());
      t.is(await log.interrupted(), undefined, "nothing was logged yet");
      const { id } = await log.append(operationDraft(command));
      t.is((await log.interrupted())?.id, id);
      await log.settle();
      t.false(log.isUnsettled());
      t.is(await log.interrupted(), undefined);
    }
  });

  test(`${name}: intended() is what was intended and not logged, until it is withdrawn`, async (t) => {
    const log = open(t);
    for (const command of ["first", "second"]) {
      const draft = operationDraft(command);
      await log.intend(draft);
      t.true(log.isUnsettled());
      t.deepEqual(await log.intended(), draft);
      if (command === "second") await log.append(draft);
      if (command === "second") t.is(await log.intended(), undefined, "it is logged");
      await log.withdraw();
      t.false(log.isUnsettled());
      t.is(await log.intended(), undefined);
    }
  });

  test(`${name}: list() may stop early and begin again`, async (t) => {
    const log = open(t);
    await log.append(operationDraft("a"));
    const { id } = await log.append(operationDraft("b"));
    for (let times = 0; times < 2; times += 1) {
      for await (const operation of log.list()) {
        t.is(operation.id, id);
        break;
      }
    }
  });
}
