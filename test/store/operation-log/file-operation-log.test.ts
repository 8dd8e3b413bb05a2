import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { Operation } from "../../../core/ports/operation-log.js";
import { encodeOperation } from "../../../store/operation-log/operation-record.js";
import { fileOperationLog } from "../../../store/operation-log/file-operation-log.js";
import { listed, operationDraft, operationLogContract } from "../../contracts/operation-log-contract.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

operationLogContract(test, "file operation log", (t) => fileOperationLog(temporaryStore(t)));

test("list() passes over a last record that was torn at any byte, and append() takes its place", async (t) => {
  const layout = temporaryStore(t);
  const log = fileOperationLog(layout);
  const first = await log.append(operationDraft("first"));
  const kept = readFileSync(layout.operationLog);
  await log.append(operationDraft("torn"));
  const whole = readFileSync(layout.operationLog);
  for (let length = kept.length; length < whole.length; length += 1) {
    writeFileSync(layout.operationLog, whole.subarray(0, length));
    t.deepEqual(await listed(log), [first]);
  }
  const second = await log.append(operationDraft("second"));
  t.deepEqual(await listed(log), [second, first]);
});

test("list() passes over a last record whose blocks a power cut left as zeros", async (t) => {
  const layout = temporaryStore(t);
  const log = fileOperationLog(layout);
  const first = await log.append(operationDraft("first"));
  appendFileSync(layout.operationLog, Buffer.alloc(5000));
  t.deepEqual(await listed(log), [first]);
  const second = await log.append(operationDraft("second"));
  t.deepEqual(await listed(log), [second, first]);
});

test("list() of a log that was changed in the middle throws STORE_DAMAGED there, after the newer ones", async (t) => {
  const layout = temporaryStore(t);
  const log = fileOperationLog(layout);
  await log.append(operationDraft("first"));
  const second = await log.append(operationDraft("second"));
  writeFileSync(layout.operationLog, readFileSync(layout.operationLog, "latin1").replace("first", "f1rst"));
  const seen: string[] = [];
  const error = await t.throwsAsync(
    async () => {
      for await (const { id } of log.list()) seen.push(id);
    },
    { instanceOf: VarveError },
  );
  t.is(error?.code, "STORE_DAMAGED");
  t.deepEqual(seen, [second.id]);
});

const OTHERS: readonly (readonly [what: string, update: object])[] = [
  ["a container whose id is a path", { target: { kind: "container", id: "../../etc" } }],
  ["a target of an unknown kind", { target: { kind: "host", id: "0123456789ab" } }],
  ["another container's record", { target: { kind: "container", id: "0123456789ab" }, container: { id: "../../etc" } }],
];

for (const [what, update] of OTHERS) {
  test(`list() of a log that names ${what} throws STORE_DAMAGED`, async (t) => {
    const layout = temporaryStore(t);
    const operation = { ...operationDraft("x"), id: "0123456789ab", time: "", trees: [update] };
    writeFileSync(layout.operationLog, encodeOperation(operation as unknown as Operation));
    await t.throwsAsync(listed(fileOperationLog(layout)), { code: "STORE_DAMAGED" });
  });
}

for (const update of [
  { names: [{ container: "../../etc", before: "a", after: "b" }] },
  { names: [{ container: "0123456789ab", before: "a", after: "../b" }] },
  { names: [{ container: "0123456789ab", before: "a" }] },
  { limits: [{ container: "../../etc", before: {}, after: {} }] },
  { limits: [{ container: "0123456789ab", before: {}, after: "x" }] },
  { limits: [{ container: "0123456789ab", before: [], after: {} }] },
]) {
  test(`list() takes a record for damage that says: ${JSON.stringify(update)}`, async (t) => {
    const layout = temporaryStore(t);
    const log = fileOperationLog(layout);
    await log.append(operationDraft("first"));
    await log.append({ ...operationDraft("second"), ...(update as object) });
    await t.throwsAsync(listed(log), { code: "STORE_DAMAGED" });
  });
}

test("append() after a damaged record keeps the damage to be seen", async (t) => {
  const layout = temporaryStore(t);
  const log = fileOperationLog(layout);
  await log.append(operationDraft("first"));
  writeFileSync(layout.operationLog, readFileSync(layout.operationLog, "latin1").replace("first", "f1rst"));
  await log.append(operationDraft("second"));
  await t.throwsAsync(listed(log), { code: "STORE_DAMAGED" });
  t.regex(readFileSync(layout.operationLog, "utf8"), /f1rst.*\n.*second/);
});

test("list() reads only as much of a long log as it gives", async (t) => {
  const layout = temporaryStore(t);
  const log = fileOperationLog(layout);
  const first = await log.append(operationDraft("first"));
  const line = readFileSync(layout.operationLog);
  writeFileSync(layout.operationLog, Buffer.concat(Array.from({ length: 5000 }, () => line)));
  t.is((await listed(log)).length, 5000);
  // Everything but the last block is made a hole: whoever read it would find damage.
  const size = line.length * 5000;
  const end = readFileSync(layout.operationLog).subarray(size - 100_000);
  writeFileSync(layout.operationLog, Buffer.concat([Buffer.alloc(size - 100_000, "x"), end]));
  for await (const operation of log.list()) {
    t.deepEqual(operation, first);
    break;
  }
});

test("append() makes the log readable for its owner alone", async (t) => {
  const layout = temporaryStore(t);
  await fileOperationLog(layout).append(operationDraft("first"));
  t.is(statSync(layout.operationLog).mode & 0o777, 0o600);
});
