import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { cgroupMounts, cgroupPath } from "../../overlay/runtime/cgroups.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { cgroupsOf } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

/** @returns The container's id. */
function runSleep(t: ExecutionContext, store: RunningStore, name: string, ...options: string[]): string {
  t.teardown(() => void store.run("rm", "-f", "--forget", name));
  const { status, stdout, stderr } = store.run("run", "-d", "--name", name, ...options, "base", "--", "sleep", "1000");
  t.is(status, 0, stderr);
  return stdout.trim();
}

/** A file of a container's cgroup, by its name in version 1 or the one in version 2. */
function cgroupFile(id: string, first: string, second: string): string {
  const mount = cgroupMounts().find(({ controllers }) => controllers.includes(first.split(".")[0]!));
  const unified = cgroupMounts().find(({ version }) => version === 2);
  const file = mount === undefined ? `${unified?.path}${cgroupPath(id)}/${second}` : mount.path + cgroupPath(id) + `/${first}`;
  return readFileSync(file, "latin1").trim();
}

const isV2 = existsSync("/sys/fs/cgroup/cgroup.controllers");

test("run's limits stand in the container's cgroup", (t) => {
  const store = runningStore(t);
  const limits = ["--memory", "64m", "--memory-reservation", "32m", "--pids-limit", "20", "--cpu-quota", "20000"];
  const id = runSleep(t, store, "a", ...limits, "--cpu-period", "50000", "--cpuset-cpus", "0", "--oom-score-adj", "500");
  t.is(cgroupFile(id, "memory.limit_in_bytes", "memory.max"), String(64 << 20));
  t.is(cgroupFile(id, "memory.soft_limit_in_bytes", "memory.low"), String(32 << 20));
  t.is(cgroupFile(id, "pids.max", "pids.max"), "20");
  t.regex(cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"), isV2 ? /^20000 50000$/ : /^20000$/);
  t.is(cgroupFile(id, "cpuset.cpus", "cpuset.cpus"), "0");
  const pid = readFileSync(path.join(store.store, "containers", id, "pid"), "utf8").trim();
  t.is(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim(), "500");
});

test("run's rates of a device stand in the container's cgroup, under the device's number", (t) => {
  const device = readdirSync("/sys/block")
    .map((name) => `/dev/${name}`)
    .find((file) => existsSync(file));
  if (device === undefined || isV2) {
    t.pass("no device, or a cgroup that may be without io");
    return;
  }
  const store = runningStore(t);
  const id = runSleep(t, store, "a", "--device-read-bps", `${device}:1m`, "--device-write-iops", `${device}:10`);
  const number = readFileSync(`/sys/block/${path.basename(device)}/dev`, "utf8").trim();
  t.true(statSync(device).isBlockDevice());
  t.is(cgroupFile(id, "blkio.throttle.read_bps_device", ""), `${number} ${1 << 20}`);
  t.is(cgroupFile(id, "blkio.throttle.write_iops_device", ""), `${number} 10`);
});

test("run with limits that the kernel can't keep ends with 125 and leaves nothing", (t) => {
  const store = runningStore(t);
  for (const words of [
    ["--memory", "1m"],
    ["--cpuset-cpus", "4096"],
    ["--cpu-quota", "1"],
    ["--memory-swap", "64m"],
  ]) {
    const { status, stderr } = store.run("run", "--name", "a", ...words, "base", "--", "true");
    t.is(status, 125, words.join(" "));
    t.regex(stderr, /^varve: error: Cannot (read|set) /);
  }
  t.deepEqual(store.json("ps", "-a"), []);
});

test("update changes the limits of a container that runs, and what it has when it is started again", (t) => {
  const store = runningStore(t);
  const id = runSleep(t, store, "a", "--memory", "64m", "--cpus", "0.5");
  const { status, stderr } = store.run("update", "--memory", "128m", "--pids-limit", "9", "--cpus", "0.25", "a");
  t.is(status, 0, stderr);
  const check = (): void => {
    t.is(cgroupFile(id, "memory.limit_in_bytes", "memory.max"), String(128 << 20));
    t.is(cgroupFile(id, "pids.max", "pids.max"), "9");
    t.regex(cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"), /^25000\b/);
  };
  check();
  t.is(store.run("stop", "-t", "0", "a").status, 0);
  t.is(store.run("start", "a").status, 0);
  check();
});

test("update --json tells the limits that a container has now", (t) => {
  const store = runningStore(t);
  t.is(store.run("create", "--name", "a", "--cpus", "0.5", "base", "--", "true").status, 0);
  const [told] = store.json("update", "--memory", "64m", "a") as [{ readonly id: string }];
  t.regex(told.id, /^[0-9a-f]{12}$/);
  t.deepEqual(told as unknown, { id: told.id, name: "a", limits: { cpus: 0.5, memoryBytes: 64 << 20 } });
});

test("update lifts a limit, of a container that runs", (t) => {
  const store = runningStore(t);
  const id = runSleep(t, store, "a", "--pids-limit", "9", "--cpu-quota", "20000");
  t.is(store.run("update", "--pids-limit", "-1", "--cpu-quota", "-1", "a").status, 0);
  t.is(cgroupFile(id, "pids.max", "pids.max"), "max");
  t.regex(cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"), isV2 ? /^max / : /^-1$/);
});

test("update that is refused, by varve or by the kernel, changes neither the record nor the cgroup", (t) => {
  const store = runningStore(t);
  const id = runSleep(t, store, "a", "--memory", "64m");
  const record = (): string => readFileSync(path.join(store.store, "containers", id, "container.json"), "utf8");
  const before = record();
  t.is(store.run("update", "--memory-reservation", "65m", "a").status, 2);
  t.is(store.run("update", "a").status, 2, "nothing to change");
  t.is(store.run("update", "--memory", "65m", "a", "absent").status, 24);
  t.is(record(), before);
  t.is(cgroupFile(id, "memory.limit_in_bytes", "memory.max"), String(64 << 20));
  t.true(cgroupsOf(id).length > 0);
});
