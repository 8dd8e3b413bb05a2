import { spawn } from "node:child_process";
import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";
import { until } from "../overlay/container-fixture.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

/** Counts what comes within half a second of the first. */
const COUNT = `n=0; trap 'n=$((n + 1))' INT TERM HUP QUIT; echo ready
while [ $n -eq 0 ]; do sleep 0.1; done; sleep 0.2; sleep 0.3; echo got $n; exit 9`;

test("a signal to exec alone, or to all of its group as from a keyboard, reaches the process inside once", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "host"));
  t.is(store.run("run", "-d", "--name", "host", "base", "--", "sleep", "600").status, 0);
  for (const [signal, isGroup] of [
    ["SIGINT", false],
    ["SIGINT", true],
    ["SIGTERM", false],
    ["SIGHUP", false],
    ["SIGQUIT", false],
  ] as const) {
    const words = [BUILT_COMMAND, "--store", store.store, "exec", "host", "--", "sh", "-c", COUNT];
    const child = spawn(process.execPath, words, { env: environmentWithVarve(store.home), detached: true });
    t.teardown(() => child.kill("SIGKILL"));
    let seen = "";
    child.stdout.on("data", (piece: Buffer) => (seen += piece.toString()));
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until(() => seen === "ready\n", "the process waits for it");
    process.kill(isGroup ? -child.pid! : child.pid!, signal);
    t.is(await ended, 9, signal);
    t.is(seen, "ready\ngot 1\n", signal);
  }
});
