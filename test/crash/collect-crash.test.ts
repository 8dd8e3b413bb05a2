import { execFile, execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { ExecutionContext } from "ava";
import { checkStore } from "../../core/maintenance/check-store.js";
import { rollbackTarget } from "../../core/operations/rollback-target.js";
import { openChecks } from "../../store/maintenance/check-parts.js";
import { gitHistory } from "../../store/git/git-history.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { openStore } from "../../store/open-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { BUILT_COMMAND } from "../cli/built-command.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { maintainedStore, type MaintainedStore } from "../helpers/maintained-store.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const environment = { ...hermeticEnvironment("/nonexistent"), UV_THREADPOOL_SIZE: "1" };
const execute = promisify(execFile);
const MOST_CALLS = 60;

/** The calls that remove something or make it durable, and how often a collection makes each at least. */
const CALLS = { fsync: 8, rename: 4, unlink: 6 };

for (const [name, fewest] of Object.entries(CALLS)) {
  testIf("strace")(`a collection that is killed at any ${name} leaves a sound store, and the next one finishes it`, async (t) => {
    const store = await storeWithGarbage(t);
    const { repository, layout } = store;
    const kept = [...(await store.gc({ dryRun: true })).layers.map(({ id }) => id)];
    const wanted = repository.layers.list().filter((id) => !kept.includes(id));
    let killed = 0;
    for (let call = 1; call <= MOST_CALLS; call += 1) {
      const copy = path.join(temporaryDirectory(t), "store");
      execFileSync("cp", ["-a", layout.root, copy]);
      const wasKilled = await collect(copy, name, call);
      await assertSound(t, store, copy, `${name} ${call}`);
      if (!wasKilled) break;
      killed += 1;
      if (call % 3 === 1) {
        await collect(copy);
        t.deepEqual(readdirSync(path.join(copy, "layers/sha256")).sort(), wanted as readonly string[] as string[]);
      }
    }
    t.log(`killed at each of ${killed} calls`);
    t.true(killed >= fewest && killed < MOST_CALLS);
  });
}

/** Two commits that a rollback left behind, and a saved tree. */
async function storeWithGarbage(t: ExecutionContext): Promise<MaintainedStore> {
  const store = await maintainedStore(t);
  const put = (text: string): void => writeFileSync(path.join(store.directory, "file"), text.repeat(5000));
  put("first");
  const first = await store.commit("first");
  put("second");
  await store.commit("second");
  put("third");
  await store.commit("third");
  put("not committed");
  await rollbackTarget(store.repository, store.target, first, { command: "rollback" });
  // Its commit's time counts, too, in whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  return store;
}

/** @returns Whether it was killed. */
async function collect(store: string, name?: string, call = 0): Promise<boolean> {
  const words = [process.execPath, BUILT_COMMAND, "--store", store, "gc", "--prune-age", "now"];
  const inject = [
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${name ?? ""}`,
    "-e",
    `inject=${name ?? ""}:signal=KILL:when=${call}`,
  ];
  const [program = "", ...rest] = name === undefined ? words : ["strace", ...inject, ...words];
  try {
    await execute(program, rest, { env: environment });
    return false;
  } catch (error) {
    if ((error as { signal?: string }).signal !== "SIGKILL") throw error;
    return true;
  }
}

async function assertSound(t: ExecutionContext, store: MaintainedStore, copy: string, when: string): Promise<void> {
  const layout = await openStore(copy);
  const parts = { path: copy, layers: openLayerStore(layout), history: gitHistory(layout), operations: fileOperationLog(layout) };
  const repository = { ...store.repository, ...parts };
  const check = await checkStore(repository, openChecks(layout), { quick: false, repair: false, observe: () => undefined });
  t.deepEqual(check.findings, [], when);
  t.deepEqual(readdirSync(layout.scratch), [], when);
  const { stdout } = await execute("git", ["fsck", "--strict", "--full", "--no-dangling"], { cwd: layout.git, env: environment });
  t.is(stdout, "", when);
}
