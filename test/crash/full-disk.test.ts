import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { gitHistory } from "../../store/git/git-history.js";
import { initStore } from "../../store/init-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { listed } from "../contracts/operation-log-contract.js";
import { commitDraft } from "../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-store.js";

const environment = hermeticEnvironment("/nonexistent");
Object.assign(process.env, environment);

const MAIN = "refs/heads/main" as RefName;

testIf("mounts")(
  "commits on a disk that fills up fail with DISK_FULL at every step, and leave the store as it was",
  async (t) => {
    const directory = path.join(temporaryDirectory(t), "disk");
    mkdirSync(directory);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1M", "none", directory]);
    t.teardown(() => execFileSync("umount", [directory]));
    const layout = initStore(path.join(directory, ".varve"));
    const history = gitHistory(layout);
    const log = fileOperationLog(layout);

    let head: CommitId | undefined;
    let number = 0;
    let operations = 0;
    const step = async (): Promise<void> => {
      number += 1;
      const id = await history.writeCommit(commitDraft(number, head === undefined ? [] : [head]));
      const moves = [
        { name: MAIN, before: head, after: id },
        { name: `refs/tags/v${number}` as RefName, before: undefined, after: id },
      ];
      await history.updateRefs(moves);
      head = id;
      await log.append({ command: "commit", refs: moves, trees: [] });
      operations += 1;
    };
    await step();

    const fillers: string[] = [];
    let failures = 0;
    // Page by page, so that another step is the one that fails.
    for (let free = 0; free < 24; free += 1) {
      const filler = path.join(directory, `filler-${free}`);
      fillers.push(filler);
      fill(filler);
      execFileSync("truncate", ["-s", `-${free * 4096}`, filler]);
      const before = await history.readRef(MAIN);
      const error = await failureOf(step);
      if (error !== undefined) {
        failures += 1;
        t.is(error.code, "DISK_FULL", error.message);
        t.truthy(error.hint);
        t.is(await history.readRef(MAIN), head, `with ${free} pages free`);
        if (head === before) t.is((await listed(log)).length, operations);
      }
      t.deepEqual(readdirSync(layout.scratch), []);
      rmSync(filler);
      t.is(
        execFileSync("git", ["fsck", "--strict", "--no-dangling"], { cwd: layout.git, env: environment, encoding: "utf8" }),
        "",
      );
    }
    t.true(failures > 5);
    await step();
    t.is(await history.readRef(MAIN), head);
  },
);

/** Takes all that is left. */
function fill(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(4096), { flag: "a" });
  } catch {
    // Full, as wanted.
  }
}

async function failureOf(work: () => Promise<void>): Promise<VarveError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
}
