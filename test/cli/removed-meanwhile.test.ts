import { spawn } from "node:child_process";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

const ROUNDS = 2;
/** It was removed before, or its process ended before; or this one came first, and then it was in the way, or has done its work. */
const EXPECTED = ["TARGET_UNKNOWN", "CONTAINER_STOPPED", "CONTAINER_RUNNING", ""];

/** @returns The error that a command ended with. */
function errorOf(
  { home, store }: RunningStore,
  words: readonly string[],
): Promise<{ readonly code: string; readonly text: string }> {
  const child = spawn(process.execPath, [BUILT_COMMAND, "--store", store, "--json", ...words], {
    env: environmentWithVarve(home),
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.on("data", (piece: Buffer) => (text += piece.toString()));
  return new Promise((resolve) => {
    child.once("close", () => resolve({ code: /"code":\s*"([A-Z_]+)"/.exec(text)?.[1] ?? "", text }));
  });
}

test("commands beside rm -f of their container do their work, or say that it is gone or stopped", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "box"));
  for (const words of [
    ["start", "box"],
    ["stop", "box"],
    ["restart", "-t", "0", "box"],
    ["pause", "box"],
    ["update", "--pids-limit", "50", "box"],
    ["exec", "box", "--", "true"],
    ["status", "box"],
  ]) {
    for (let round = 0; round < ROUNDS; round++) {
      t.is(store.run("run", "-d", "--name", "box", "base", "--", "sleep", "600").status, 0);
      if (words[0] === "start") t.is(store.run("stop", "-t", "0", "box").status, 0);
      const errors = await Promise.all([errorOf(store, words), errorOf(store, words), errorOf(store, ["rm", "-f", "box"])]);
      for (const { code, text } of errors) t.true(EXPECTED.includes(code), `${words.join(" ")}: ${text}`);
      store.run("rm", "-f", "box");
      t.is(store.run("ps", "-a", "--json").stdout, "[]\n");
    }
  }
});
