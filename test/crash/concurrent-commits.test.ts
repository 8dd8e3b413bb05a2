import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import type { RefName } from "../../core/model/ids.js";
import { gitHistory } from "../../store/git/git-history.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { temporaryStore } from "../helpers/temporary-store.js";

// The time of today, since git drops old lines of logs.
const environment = { ...hermeticEnvironment("/nonexistent"), SOURCE_DATE_EPOCH: undefined };
const execute = promisify(execFile);
const COMMITS = 8;

/** Commits on a branch of its own and on main, each under the store's lock, as commands do. */
const WRITER = `
  const [build, root, branch, count] = process.argv.slice(1);
  const { openStore } = await import(build + "store/open-store.js");
  const { gitHistory } = await import(build + "store/git/git-history.js");
  const { exclusively } = await import(build + "store/store-lock.js");
  const { commitDraft } = await import(build + "test/helpers/commit-drafts.js");
  for (let number = 1; number <= Number(count); number += 1) {
    const layout = await openStore(root);
    const history = gitHistory(layout);
    await exclusively(layout, async () => {
      for (const name of [branch, "refs/heads/main"]) {
        const before = await history.readRef(name);
        const after = await history.writeCommit(commitDraft(number, before ? [before] : [], { message: branch + " " + number }));
        await history.updateRefs([{ name, before, after }], "commit: " + number);
      }
    });
  }
`;

test("three processes that commit at once, while git packs the store, lose nothing", async (t) => {
  const layout = temporaryStore(t);
  const build = new URL("../../", import.meta.url).pathname;
  const branches = ["refs/heads/a", "refs/heads/b/c", "refs/heads/b/d"] as RefName[];
  const writers = branches.map(async (branch) => {
    const words = ["--input-type=module", "-e", WRITER, build, layout.root, branch, String(COMMITS)];
    await execute(process.execPath, words, { env: environment });
  });
  let running = true;
  const packing = (async () => {
    while (running) await execute("git", ["gc", "-q"], { cwd: layout.git, env: environment });
  })();
  await Promise.all(writers);
  running = false;
  await packing;
  const history = gitHistory(layout);
  for (const [name, count] of [
    ...branches.map((branch) => [branch, COMMITS] as const),
    ["refs/heads/main" as RefName, 3 * COMMITS] as const,
  ]) {
    const { stdout } = await execute("git", ["rev-list", "--count", name], { cwd: layout.git, env: environment });
    t.is(Number(stdout), count, name);
    t.is((await history.refLog(name)).length, count, name);
  }
  t.is((await execute("git", ["fsck", "--strict", "--no-dangling"], { cwd: layout.git, env: environment })).stdout, "");
});
