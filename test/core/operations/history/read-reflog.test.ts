import { appendFileSync, rmSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { CommitId, RefName } from "../../../../core/model/ids.js";
import { readReflog } from "../../../../core/operations/history/read-reflog.js";
import { gitHistory } from "../../../../store/git/git-history.js";
import { commitChain } from "../../../helpers/commit-drafts.js";
import { temporaryStore } from "../../../helpers/temporary-store.js";

test("readReflog() gives the moves of HEAD and of branches, by any of their names, the newest first", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [first, second] = (await commitChain(history, 2)) as [CommitId, CommitId];
  for (const name of ["HEAD", "main", "refs/heads/main"]) {
    const { name: shown, moves } = await readReflog(history, name);
    t.is(shown, name === "HEAD" ? "HEAD" : "main");
    t.deepEqual(
      moves.map(({ before, after, reason }) => [before, after, reason]),
      [
        [first, second, "commit: commit 2"],
        [undefined, first, "commit: commit 1"],
      ],
    );
  }
});

test("readReflog() of a branch whose log is gone is empty, of a tag or of nothing an error that says so", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [only] = (await commitChain(history, 1)) as [CommitId];
  await history.updateRefs([{ name: "refs/tags/v1" as RefName, before: undefined, after: only }]);
  rmSync(path.join(layout.git, "logs", "refs", "heads", "main"));
  t.deepEqual((await readReflog(history, "main")).moves, []);
  await t.throwsAsync(readReflog(history, "v1"), { code: "WRONG_TYPE", message: /it is a tag/ });
  await t.throwsAsync(readReflog(history, "refs/tags/v1"), { code: "WRONG_TYPE" });
  for (const name of ["nothing", "", "refs/", "../HEAD", "a\nb", "main@{1}"]) {
    await t.throwsAsync(readReflog(history, name), { code: "REVISION_UNKNOWN" }, JSON.stringify(name));
  }
});

test("readReflog() passes over lines that are none", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  await commitChain(history, 1);
  appendFileSync(path.join(layout.git, "logs", "refs", "heads", "main"), "torn");
  t.is((await readReflog(history, "main")).moves.length, 1);
});
