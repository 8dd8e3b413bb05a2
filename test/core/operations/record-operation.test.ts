import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { createRef } from "../../../core/operations/branches.js";
import { commitTarget } from "../../../core/operations/commit-target.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import { filledStore } from "../../helpers/filled-store.js";

const MAIN = "refs/heads/main" as RefName;

test("an operation that can't be logged is none: refs and tree are as before", async (t) => {
  const { repository, layout, target, directory, first, third } = await filledStore(t);
  rmSync(layout.operationLog);
  mkdirSync(layout.operationLog);
  const { history } = repository;
  writeFileSync(path.join(directory, "new"), "new");
  await t.throwsAsync(commitTarget(repository, target, { message: "m", command: "commit" }));
  await t.throwsAsync(rollbackTarget(repository, target, first, { command: "rollback" }));
  await t.throwsAsync(createRef(repository, "refs/heads/other" as RefName, first, { command: "branch" }));
  t.is<CommitId | undefined, CommitId>(await history.readRef(MAIN), third);
  t.is(await history.readRef("refs/heads/other" as RefName), undefined);
  t.true(existsSync(path.join(directory, "new")));
  t.false(existsSync(path.join(directory, "big")));
});

test("a commit whose layer is missing can't get a branch: LAYER_CORRUPT where something leads there, else REVISION_UNKNOWN", async (t) => {
  const { repository, layout, lender, first } = await filledStore(t);
  rmSync(layout.layer(lender));
  const branch = (name: string): Promise<unknown> =>
    createRef(repository, `refs/heads/${name}` as RefName, first, { command: "branch" });
  await t.throwsAsync(branch("a"), { code: "LAYER_CORRUPT", message: new RegExp(lender) });
  for (const { record } of repository.containers.list()) repository.containers.remove(record);
  for (const name of ["main", "web"]) {
    const ref = `refs/heads/${name}` as RefName;
    await repository.history.updateRefs([{ name: ref, before: await repository.history.readRef(ref), after: undefined }]);
  }
  await t.throwsAsync(branch("b"), { code: "REVISION_UNKNOWN" });
});
