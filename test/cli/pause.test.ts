import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { freezerOf } from "../../overlay/runtime/cgroups.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly pid: number | null;
  readonly exitCode: number | null;
}

function runTicking(t: ExecutionContext, store: RunningStore): string {
  t.teardown(() => void store.run("rm", "-f", "--forget", "a"));
  const tick = "i=0; while :; do i=$((i+1)); echo $i > /ticks; sleep 0.02; done";
  const { status, stdout, stderr } = store.run("run", "-d", "--name", "a", "base", "--", "sh", "-c", tick);
  t.is(status, 0, stderr);
  return stdout.trim();
}

function listed(store: RunningStore): Listed {
  return (store.json("ps", "-a") as Listed[])[0]!;
}

function ticks(store: RunningStore): string {
  return readFileSync(`/proc/${listed(store).pid}/root/ticks`, "utf8");
}

test("pause stops a container's processes, unpause lets them go on; twice is no error", async (t) => {
  const store = runningStore(t);
  const id = runTicking(t, store);
  t.regex(store.run("pause", "a").stderr, /^Paused a/);
  t.is(listed(store).state, "paused");
  const before = ticks(store);
  await pause(300);
  t.is(ticks(store), before);
  t.regex(store.run("pause", "a").stderr, /a was paused already/);
  t.regex(store.run("unpause", "a").stderr, /^Unpaused a/);
  t.is(listed(store).state, "running");
  t.false(freezerOf(id)?.isFrozen());
  await pause(300);
  t.not(ticks(store), before);
  t.regex(store.run("unpause", "a").stderr, /a was not paused/);
});

test("a paused container is committed and stays paused; exec is refused, stop ends it", (t) => {
  const store = runningStore(t);
  const id = runTicking(t, store);
  t.deepEqual(store.json("pause", "a"), [{ id, name: "a" }]);
  t.is(store.run("commit", "a", "-m", "paused").status, 0);
  t.is(listed(store).state, "paused");
  const { status, stderr } = store.run("exec", "a", "--", "true");
  t.is(status, 125);
  t.regex(stderr, /it is paused\n.*varve unpause a/);
  t.is(store.run("stop", "-t", "0", "a").status, 0);
  t.like(listed(store), { state: "stopped", exitCode: 137 });
});

for (const words of [["kill"], ["rm", "-f", "--forget"]]) {
  test(`${words.join(" ")} of a paused container ends it`, (t) => {
    const store = runningStore(t);
    runTicking(t, store);
    t.is(store.run("pause", "a").status, 0);
    const { pid } = listed(store);
    t.is(store.run(...words, "a").status, 0);
    t.throws(() => readFileSync(`/proc/${pid}/environ`), { code: "ENOENT" });
  });
}

test("pause of one that does not run is refused, and of several none when one is unknown", (t) => {
  const store = runningStore(t);
  runTicking(t, store);
  t.is(store.run("pause", "a", "absent").status, 24);
  t.is(listed(store).state, "running");
  t.is(store.run("stop", "-t", "0", "a").status, 0);
  t.is(store.run("pause", "a").status, 33);
  t.is(store.run("unpause", "a").status, 33);
});
