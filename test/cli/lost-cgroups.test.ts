import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, utimesSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { randomId } from "../../core/model/random-id.js";
import { cgroupMounts, cgroupPath } from "../../overlay/runtime/cgroups.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";
import { cgroupsOf, until } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

const HOURS_AGO = new Date(Date.now() - 2 * 3_600_000);

/** The cgroup of a container of no store, with one of its own in it. */
function leftGroup(t: ExecutionContext, time: Date | undefined): string {
  const id = randomId(6);
  for (const { path: mount } of cgroupMounts()) {
    const groups = [`${mount}${cgroupPath(id)}/inner`, mount + cgroupPath(id)];
    mkdirSync(groups[0]!, { recursive: true });
    if (time !== undefined) for (const group of groups) utimesSync(group, time, time);
    t.teardown(() => groups.filter((group) => existsSync(group)).forEach((group) => rmdirSync(group)));
  }
  return id;
}

test("gc removes cgroups that have been without a process for long, and no others", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "box"));
  const id = store.run("run", "-d", "--name", "box", "base", "--", "sleep", "600").stdout.trim();
  const [old, young] = [leftGroup(t, HOURS_AGO), leftGroup(t, undefined)];
  for (const group of cgroupsOf(id)) utimesSync(group, HOURS_AGO, HOURS_AGO);
  const count = cgroupsOf(young).length;
  t.true(count > 0);
  t.is(store.run("gc", "--dry-run").status, 0);
  t.is(cgroupsOf(old).length, count);
  t.is(store.run("gc").status, 0);
  t.deepEqual([cgroupsOf(old).length, cgroupsOf(young).length, cgroupsOf(id).length], [0, count, count]);
  t.is(store.run("exec", "box", "--", "echo", "alive").stdout, "alive\n");
});

test("the end of a process whose store was removed from the disk takes its cgroup along", async (t) => {
  const store = runningStore(t);
  const id = store.run("run", "-d", "base", "--", "sleep", "600").stdout.trim();
  const pid = Number(readFileSync(path.join(store.store, "containers", id, "pid"), "utf8"));
  rmSync(store.store, { recursive: true });
  t.true(cgroupsOf(id).length > 0);
  process.kill(pid, "SIGKILL");
  await until(() => cgroupsOf(id).length === 0, "its cgroup is gone");
});
