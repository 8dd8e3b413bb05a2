import { execFile, execFileSync } from "node:child_process";
import { cpSync, readdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import type { ExecutionContext } from "ava";
import type { RefName } from "../../core/model/ids.js";
import { gitHistory } from "../../store/git/git-history.js";
import { openStore } from "../../store/open-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { listed } from "../contracts/operation-log-contract.js";
import { commitChain } from "../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory, temporaryStore } from "../helpers/temporary-store.js";

const environment = hermeticEnvironment("/nonexistent");
Object.assign(process.env, environment);

const SUBJECT = new URL("commit-subject.js", import.meta.url).pathname;
/** Refs of the store before and after what the subject does. */
const BEFORE = ["refs/heads/ci/old", "refs/heads/main"];
const AFTER = ["refs/heads/ci/new", "refs/heads/main", "refs/tags/v2"];
const ID = /^[0-9a-f]{40}$/m;

const execute = promisify(execFile);

/**
 * The calls that make changes durable or visible, and how often the subject makes each at least. The process is killed at the Kth
 * of each, for every K: strace counts each kind of call by itself.
 */
const CALLS = { fsync: 20, rename: 8, link: 5, unlink: 5 };
const MOST_CALLS = 100;

for (const [name, fewest] of Object.entries(CALLS)) {
  testIf("strace")(
    `a commit that is killed at any ${name} leaves a sound store, with all refs as before or all as after`,
    async (t) => {
      const template = await preparedStore(t);
      const states: string[] = [];
      for (let call = 1; call <= MOST_CALLS; call += 1) {
        const store = path.join(temporaryDirectory(t), ".varve");
        cpSync(template, store, { recursive: true });
        const { killed, stdout } = await runKilled(store, name, call);
        const state = await stateAfter(t, store, `${name} ${call}`);
        // The same command again finds nothing in its way.
        if (state === "before" && call % 4 === 1) t.regex(await runWhole(store), ID);
        if (ID.test(stdout)) t.is(state, "after", `${name} ${call}: what was acknowledged must be there`);
        if (!killed) break;
        states.push(state);
      }
      t.log(`killed at each of ${states.length} calls: ${states.filter((state) => state === "before").length} times as before`);
      t.true(states.length >= fewest && states.length < MOST_CALLS);
      t.regex(states.join(" "), /^(before ?)*(after ?)*$/);
    },
  );
}

async function preparedStore(t: ExecutionContext): Promise<string> {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [first] = await commitChain(history, 2);
  await history.updateRefs([{ name: "refs/heads/ci/old" as RefName, before: undefined, after: first }]);
  execFileSync("git", ["pack-refs", "--all"], { cwd: layout.git, env: environment });
  return layout.root;
}

async function runKilled(store: string, name: string, call: number): Promise<{ killed: boolean; stdout: string }> {
  const inject = ["-e", `trace=${name}`, "-e", `inject=${name}:signal=KILL:when=${call}`];
  const words = ["-f", "-qq", "-o", "/dev/null", ...inject, process.execPath, SUBJECT, store];
  try {
    // One thread, since strace counts for each apart.
    return { killed: false, ...(await execute("strace", words, { env: { ...environment, UV_THREADPOOL_SIZE: "1" } })) };
  } catch (error) {
    const { signal, stdout } = error as { signal?: string; stdout: string };
    if (signal !== "SIGKILL") throw error;
    return { killed: true, stdout };
  }
}

async function runWhole(store: string): Promise<string> {
  return (await execute(process.execPath, [SUBJECT, store], { env: environment })).stdout;
}

/** Opens the store as the next command would, and checks all of it with git. */
async function stateAfter(t: ExecutionContext, store: string, when: string): Promise<"before" | "after"> {
  const layout = await openStore(store);
  const fsck = async (): Promise<string> =>
    (await execute("git", ["fsck", "--strict", "--no-dangling"], { cwd: layout.git, env: environment })).stdout;
  t.is(await fsck(), "", when);
  t.deepEqual(readdirSync(layout.scratch), [], when);
  t.deepEqual(
    readdirSync(layout.git, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".lock")),
    [],
    when,
  );
  const history = gitHistory(layout);
  const refs = await history.listRefs("refs/");
  const names = refs.map(({ name }) => name as string);
  const state = names.includes("refs/tags/v2") ? "after" : "before";
  t.deepEqual(names, state === "before" ? BEFORE : AFTER, when);
  for (const { commit } of refs) await history.readCommit(commit);
  await listed(fileOperationLog(layout));
  return state;
}
