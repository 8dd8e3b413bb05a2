import { existsSync, readFileSync } from "node:fs";
import type { ExecutionContext } from "ava";
import type { Limits } from "../../core/ports/container-limits.js";
import { repositoryAt } from "../../cli/open-repository.js";
import { cgroupMounts, cgroupPath } from "../../overlay/runtime/cgroups.js";
import { storeLayout } from "../../store/store-layout.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Told {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

interface ToldOperation {
  readonly command: string;
  readonly live: boolean;
  readonly kind: string | null;
  readonly names: readonly unknown[];
  readonly limits: readonly unknown[];
}

const list = ({ json }: RunningStore): readonly Told[] => json("ps", "-a") as readonly Told[];
const names = (store: RunningStore): readonly string[] =>
  list(store)
    .map(({ name }) => name)
    .sort();
const operations = ({ json }: RunningStore): readonly ToldOperation[] => json("op", "log") as readonly ToldOperation[];
const limitsOf = ({ json }: RunningStore, name: string): Limits => (json("inspect", name) as [{ limits: Limits }])[0].limits;

function ok(t: ExecutionContext, { run }: RunningStore, ...words: string[]): string {
  const { status, stdout, stderr } = run(...words);
  t.is(status, 0, `${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

function create(t: ExecutionContext, store: RunningStore, ...created: string[]): void {
  for (const name of created) ok(t, store, "create", "--name", name, "base", "--", "true");
}

/** A file of a container's cgroup, by its name in version 1 or the one in version 2. */
function cgroupFile(id: string, first: string, second: string): string {
  const mount = cgroupMounts().find(({ controllers }) => controllers.includes(first.split(".")[0]!));
  const unified = cgroupMounts().find(({ version }) => version === 2);
  const file = mount === undefined ? `${unified?.path}${cgroupPath(id)}/${second}` : mount.path + cgroupPath(id) + `/${first}`;
  return readFileSync(file, "latin1").trim();
}

const memoryOf = (id: string): number => Number(cgroupFile(id, "memory.limit_in_bytes", "memory.max").replace("max", "Infinity"));
/** What version 1 says of no limit is a number, too. */
const NO_LIMIT = 2 ** 60;

test("undo and redo of a rename, also while it runs; op show and op log tell it", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web", "shop"));
  const id = ok(t, store, "run", "-d", "--name", "web", "base", "--", "sleep", "1000");
  ok(t, store, "rename", "web", "shop");
  t.like(store.json("op", "show"), {
    command: "rename web shop",
    names: [{ container: id, before: "web", after: "shop" }],
    limits: [],
    trees: [],
    refs: [],
  });
  t.regex(ok(t, store, "op", "log", "-1"), /container web renamed shop$/);
  t.like((store.json("undo", "--dry-run") as object) ?? {}, { names: [{ container: id, before: "shop", after: "web" }] });
  t.deepEqual(names(store), ["shop"]);
  ok(t, store, "undo");
  t.like(list(store)[0], { id, name: "web", state: "running" });
  ok(t, store, "redo");
  t.like(list(store)[0], { id, name: "shop", state: "running" });
  t.deepEqual(
    (store.json("--at-op", "@{3}", "ps", "-a") as readonly Told[]).map(({ name }) => name),
    ["web"],
    "as it was called then",
  );
});

test("undo of a rename whose name another container has now is refused, and changes nothing", (t) => {
  const store = runningStore(t);
  create(t, store, "a", "c");
  ok(t, store, "rename", "a", "b");
  ok(t, store, "rename", "c", "a");
  const [{ length }, rename] = [operations(store), (store.json("op", "show", "@{1}") as { id: string }).id];
  for (const dry of [[], ["--dry-run"]]) {
    const { status, stderr } = store.run("undo", rename, ...dry);
    t.is(status, 30, stderr);
    t.regex(stderr, /Cannot name a container "a": container [0-9a-f]{12} has that name/);
  }
  t.deepEqual(names(store), ["a", "b"]);
  t.is(operations(store).length, length);
  ok(t, store, "rename", "a", "d");
  ok(t, store, "undo", rename);
  t.deepEqual(names(store), ["a", "d"]);
});

test("a rename that is older than the removal of its container waits for the undo of that", (t) => {
  const store = runningStore(t);
  create(t, store, "a");
  ok(t, store, "rename", "a", "b");
  const { id } = store.json("op", "show") as { id: string };
  ok(t, store, "rm", "b");
  const { status, stderr } = store.run("undo", id);
  t.is(status, 35, stderr);
  t.regex(stderr, /"rm b" changed the same since/);
  ok(t, store, "undo");
  t.deepEqual(names(store), ["b"]);
  ok(t, store, "undo", id);
  t.deepEqual(names(store), ["a"]);
});

test("op restore gives names back that containers have swapped, or taken from one that was removed", (t) => {
  const store = runningStore(t);
  create(t, store, "a", "b", "c");
  const byId = (): Readonly<Record<string, string>> => Object.fromEntries(list(store).map(({ id, name }) => [id, name]));
  const before = byId();
  const { id } = store.json("op", "show") as { id: string };
  for (const [from, to] of [
    ["a", "x"],
    ["b", "a"],
    ["x", "b"],
  ] as const)
    ok(t, store, "rename", from, to);
  ok(t, store, "rm", "c");
  ok(t, store, "rename", "a", "c");
  const after = byId();
  ok(t, store, "op", "restore", "--dry-run", id);
  ok(t, store, "op", "restore", id);
  t.deepEqual(byId(), before);
  ok(t, store, "undo");
  t.deepEqual(byId(), after);
});

test("undo of an update brings the limits back, in the record and in the cgroup of one that runs", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  const id = ok(t, store, "run", "-d", "--name", "web", "--pids-limit", "30", "base", "--", "sleep", "1000");
  const changes = ["--memory", "64m", "--memory-reservation", "32m", "--pids-limit", "9", "--cpus", "0.5", "--cpu-shares", "512"];
  ok(t, store, "update", "web", ...changes, "--cpuset-cpus", "0");
  const online = readFileSync("/sys/devices/system/cpu/online", "utf8").trim();
  const changed = (): void => {
    t.is(memoryOf(id), 64 << 20);
    t.is(cgroupFile(id, "pids.max", "pids.max"), "9");
    t.regex(cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"), /^50000\b/);
    t.is(cgroupFile(id, "cpuset.cpus", "cpuset.cpus"), "0");
    t.is(limitsOf(store, "web").memoryBytes, 64 << 20);
  };
  const back = (): void => {
    t.deepEqual(limitsOf(store, "web"), { processes: 30 });
    t.true(memoryOf(id) > NO_LIMIT);
    t.is(cgroupFile(id, "pids.max", "pids.max"), "30");
    t.regex(cgroupFile(id, "cpu.cfs_quota_us", "cpu.max"), /^(-1|max)/);
    t.regex(cgroupFile(id, "cpu.shares", "cpu.weight"), /^(1024|100|39)$/);
    t.is(cgroupFile(id, "cpuset.cpus", "cpuset.cpus"), online);
    if (existsSync("/sys/fs/cgroup/memory")) t.true(Number(cgroupFile(id, "memory.soft_limit_in_bytes", "")) > NO_LIMIT);
  };
  changed();
  t.regex(ok(t, store, "op", "show"), /limits of container web: processes 30 → 9, memoryBytes none → 67108864, /);
  ok(t, store, "undo");
  back();
  ok(t, store, "redo");
  changed();
  ok(t, store, "op", "restore", "@{1}");
  back();
  t.is(list(store)[0]?.state, "running");
});

test("an update that the kernel refuses for one container changes none, and is no operation", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "idle", "full"));
  const idle = ok(t, store, "run", "-d", "--name", "idle", "--memory", "64m", "base", "--", "sleep", "1000");
  // What stands in a tmpfs can't be taken back, and there is no swap for it.
  const fill = "head -c 40000000 /dev/zero > /dev/shm/full; echo done; exec sleep 1000";
  const memory = ["--memory", "64m", "--memory-swap", "64m"];
  const full = ok(t, store, "run", "-d", "--name", "full", ...memory, "base", "--", "sh", "-c", fill);
  for (let n = 0; n < 100 && !store.run("logs", "full").stdout.includes("done"); n++);
  const { length } = operations(store);
  const { status, stderr } = store.run("update", "idle", "full", "--memory", "16m", "--memory-swap", "16m");
  t.is(status, 125, stderr);
  t.regex(stderr, /Cannot change the limits of container "full"/);
  t.deepEqual([memoryOf(idle), memoryOf(full)], [64 << 20, 64 << 20]);
  t.deepEqual(limitsOf(store, "idle"), { memoryBytes: 64 << 20 });
  t.is(operations(store).length, length);
  // The other way round: what undo would do is refused, too, and leaves all as it is.
  ok(t, store, "update", "idle", "--memory", "16m");
  ok(t, store, "update", "idle", "--memory", "16m");
  t.is(operations(store).length, length + 1, "a second time there is nothing to change");
});

test("an update that was killed between two containers is brought to its end by the next command, and can be undone", async (t) => {
  const store = runningStore(t);
  create(t, store, "a", "b");
  const { containers, operations: log } = await repositoryAt(storeLayout(store.store));
  const after = { memoryBytes: 64 << 20 };
  const [a, b] = containers.list().map(({ record }) => record);
  const limits = [a!, b!].map(({ id }) => ({ container: id, before: {}, after }));
  await log.intend({ command: "update a b --memory 64m", refs: [], trees: [], limits });
  containers.setLimits(a!, after);
  const { stderr } = store.run("ps", "-a");
  t.regex(stderr, /varve: finished "update a b --memory 64m", which was stopped half-way/);
  t.deepEqual([limitsOf(store, "a"), limitsOf(store, "b")], [after, after]);
  ok(t, store, "undo");
  t.deepEqual([limitsOf(store, "a"), limitsOf(store, "b")], [{}, {}]);
});

test("one that was killed before the first is let go", async (t) => {
  const store = runningStore(t);
  create(t, store, "a", "b");
  const { containers, operations: log } = await repositoryAt(storeLayout(store.store));
  const limits = containers.list().map(({ record: { id } }) => ({ container: id, before: {}, after: { processes: 5 } }));
  await log.intend({ command: "update a b --pids-limit 5", refs: [], trees: [], limits });
  t.is(store.run("ps", "-a").stderr, "");
  t.deepEqual([limitsOf(store, "a"), limitsOf(store, "b")], [{}, {}]);
  t.is(operations(store)[0]?.command, "create --name b base -- true");
});

test("pause stands in no log: unpause takes it back", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  ok(t, store, "run", "-d", "--name", "web", "base", "--", "sleep", "1000");
  const { length } = operations(store);
  ok(t, store, "pause", "web");
  ok(t, store, "unpause", "web");
  t.is(operations(store).length, length);
});
