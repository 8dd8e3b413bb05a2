import { readFileSync, writeFileSync } from "node:fs";
import test from "ava";
import { createRef } from "../../../core/operations/branches.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { branchRef } from "../../../core/revision/ref-names.js";
import { fileOperationLog } from "../../../store/operation-log/file-operation-log.js";
import { listed } from "../../contracts/operation-log-contract.js";
import { filledStore } from "../../helpers/filled-store.js";

const DAMAGES: readonly (readonly [what: string, damage: (lines: Buffer[]) => Buffer[], lost: number])[] = [
  ["a byte of a line in the middle is another", (lines) => lines.map((line, at) => (at === 1 ? flipped(line) : line)), 1],
  ["two lines are rubbish", (lines) => lines.map((line, at) => (at < 2 ? Buffer.from("\x00\xff rubbish") : line)), 2],
  ["a line is torn, and others follow", (lines) => lines.map((line, at) => (at === 2 ? line.subarray(0, 40) : line)), 1],
];

function flipped(line: Buffer): Buffer {
  const copy = Buffer.from(line);
  copy[20]! ^= 1;
  return copy;
}

for (const [what, damage, lost] of DAMAGES) {
  test(`fsck --repair keeps the sound records, and gc and undo go on: ${what}`, async (t) => {
    const store = await filledStore(t);
    const { repository, layout, first } = store;
    for (const name of ["a", "b"]) await createRef(repository, branchRef(name), first, { command: `branch ${name}` });
    const before = await listed(repository.operations);
    const bytes = readFileSync(layout.operationLog);
    const lines = bytes
      .toString("latin1")
      .trimEnd()
      .split("\n")
      .map((line) => Buffer.from(line, "latin1"));
    const damaged = Buffer.concat(damage(lines).flatMap((line) => [line, Buffer.from("\n")]));
    writeFileSync(layout.operationLog, damaged);
    await t.throwsAsync(store.gc(), { code: "STORE_DAMAGED" });
    const { findings: seen } = await store.fsck();
    t.deepEqual(
      seen.map(({ part, name, repaired }) => [part, name, repaired]),
      [["operation", "operations/log", false]],
    );

    const { findings } = await store.fsck({ repair: true });
    const [finding] = findings;
    t.true(finding?.repaired);
    const place = / is in (.*)$/.exec(finding?.repair ?? "")?.[1] ?? "";
    t.deepEqual(readFileSync(place), damaged, "the log as it was is kept");
    t.regex(finding?.repair ?? "", new RegExp(`^${before.length - lost} sound records kept, ${lost} lost`));
    const ids = new Set(before.map(({ id }) => id));
    const after = await listed(fileOperationLog(layout));
    t.is(after.length, before.length - lost);
    t.true(after.every(({ id }) => ids.has(id)));
    await t.notThrowsAsync(store.gc({ age: 1_000_000 }));
    t.is((await undoOperation(repository, { command: "undo" })).undone.command, "branch b");
    t.deepEqual((await store.fsck()).findings, []);
  });
}
