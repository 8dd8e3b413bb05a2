import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { needingCommits } from "../../../core/maintenance/needing-commits.js";
import { deleteRefs } from "../../../core/operations/branches.js";
import { filledStore } from "../../helpers/filled-store.js";

test("needingCommits() names the newest commits whose chains hold a layer, and counts the others", async (t) => {
  const { reopened, lender, borrower, first, second, third } = await filledStore(t);
  const all = [
    { id: third, message: "third" },
    { id: second, message: "second" },
    { id: first, message: "first" },
  ];
  t.deepEqual(await needingCommits(reopened(), [lender], 5), { newest: all, more: 0 });
  t.deepEqual(await needingCommits(reopened(), [borrower], 5), { newest: all.slice(0, 2), more: 0 });
  t.deepEqual(await needingCommits(reopened(), [borrower, lender], 1), { newest: all.slice(0, 1), more: 2 });
  t.deepEqual(await needingCommits(reopened(), [], 5), { newest: [], more: 0 });
});

test("needingCommits() follows containers whose branch is gone, and passes over commits that can't be read", async (t) => {
  const { reopened, layout, lender, first, second } = await filledStore(t);
  rmSync(path.join(layout.git, "refs/heads/web"));
  await deleteRefs(reopened(), ["refs/heads/main" as never], { command: "test", force: true }).catch(() => undefined);
  writeFileSync(path.join(layout.git, "HEAD"), "ref: refs/heads/none\n");
  rmSync(path.join(layout.git, "refs/heads/main"), { force: true });
  const seen = await needingCommits(reopened(), [lender], 5);
  t.deepEqual(
    seen.newest.map(({ id }) => id),
    [second, first],
  );
  rmSync(layout.commitCache, { recursive: true });
  rmSync(path.join(layout.git, "objects", first.slice(0, 2), first.slice(2)));
  t.deepEqual(await needingCommits(reopened(), [lender], 5), { newest: [], more: 0 });
});
