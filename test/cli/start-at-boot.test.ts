import { readFileSync, renameSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { until } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
}

const states = (store: RunningStore): Readonly<Record<string, string>> =>
  Object.fromEntries((store.json("ps", "-a") as readonly Listed[]).map(({ name, state }) => [name, state]));

function run(t: ExecutionContext, store: RunningStore, name: string, policy: string): void {
  t.teardown(() => void store.run("rm", "-f", "--forget", name));
  t.is(store.run("run", "-d", "--name", name, "--restart", policy, "base", "--", "sleep", "1000").status, 0);
}

/** Ends all processes of containers at once, supervisors first, as a restart of the machine does: none can do anything about it. */
async function endAll(store: RunningStore): Promise<void> {
  const running = (store.json("ps") as readonly Listed[]).filter(({ pid }) => pid !== null);
  for (const { id, pid } of running) {
    process.kill(Number(readFileSync(path.join(store.store, "containers", id, "conmon.pid"), "utf8")), "SIGKILL");
    process.kill(pid!, "SIGKILL");
  }
  await until(() => (store.json("ps") as readonly Listed[]).length === 0, "no container runs");
}

test("start --boot starts what its policy wants to run, and leaves what a person has stopped", async (t) => {
  const store = runningStore(t);
  for (const [name, policy] of [
    ["always", "always"],
    ["stopped-always", "always"],
    ["unless", "unless-stopped"],
    ["stopped-unless", "unless-stopped"],
    ["failing", "on-failure"],
    ["once", "no"],
  ] as const)
    run(t, store, name, policy);
  t.teardown(() => void store.run("rm", "-f", "--forget", "never"));
  t.is(store.run("create", "--name", "never", "--restart", "always", "base", "--", "sleep", "1000").status, 0);
  t.is(store.run("stop", "-t", "0", "stopped-always", "stopped-unless").status, 0);
  await endAll(store);
  const { status, stderr } = store.run("start", "--boot");
  t.is(status, 0, stderr);
  t.deepEqual(states(store), {
    always: "running",
    "stopped-always": "running",
    unless: "running",
    "stopped-unless": "stopped",
    failing: "stopped",
    once: "stopped",
    never: "created",
  });
  t.deepEqual(store.json("start", "--boot"), [], "what runs is left alone");
});

test("a container that can't be started at boot hinders no other", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "broken"));
  const volume = path.join(store.home, "root");
  const words = ["run", "-d", "--name", "broken", "--restart", "always", "-v", `${volume}:/srv`, "base", "--", "sleep", "1000"];
  t.is(store.run(...words).status, 0);
  run(t, store, "sound", "always");
  await endAll(store);
  renameSync(volume, `${volume}-gone`);
  const { status, stderr } = store.run("start", "--boot");
  t.is(status, 125);
  t.regex(stderr, /warning: Cannot mount the volume/);
  t.deepEqual(states(store), { broken: "stopped", sound: "running" });
});

test("start without a name, and --boot with one, are refused", (t) => {
  const store = runningStore(t);
  t.is(store.run("start").status, 125);
  t.is(store.run("start", "--boot", "web").status, 125);
  t.is(store.run("start", "--boot", "-a").status, 125);
});
