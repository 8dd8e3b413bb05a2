import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { until } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
}

const listed = (store: RunningStore, name: string): Listed | undefined =>
  (store.json("ps", "-a") as readonly Listed[]).find((each) => each.name === name);

/** Runs a shell in the background that counts its starts in its own tree. */
async function counting(t: ExecutionContext, ...options: string[]): Promise<RunningStore> {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  const script = "echo start >> /root/starts; sleep 1000";
  t.is(store.run("run", "-d", "--name", "web", ...options, "base", "--", "sh", "-c", script).status, 0);
  await startsAre(store, 1);
  return store;
}

const starts = (store: RunningStore): number =>
  store.run("exec", "web", "cat", "/root/starts").stdout.split("\n").filter(Boolean).length;

const startsAre = (store: RunningStore, count: number): Promise<void> =>
  until(() => starts(store) === count, `its tree tells of ${count} starts`);

test("a rollback of a running container is refused with a hint, and with --restart stops and starts it", async (t) => {
  const store = await counting(t);
  const refused = store.run("rollback", "web");
  t.is(refused.status, 32);
  t.regex(refused.stderr, /Or give --restart/);
  const before = listed(store, "web")!.pid;
  store.run("exec", "web", "touch", "/root/more");
  const { status, stderr } = store.run("rollback", "--restart", "web");
  t.is(status, 0, stderr);
  t.regex(stderr, /Rolled back web .*Restarted web\n$/s);
  const now = listed(store, "web")!;
  t.is(now.state, "running");
  t.not(now.pid, before);
  await startsAre(store, 1);
  t.not(store.run("exec", "web", "ls", "/root/more").status, 0, "what was not committed is gone");
  store.run("stop", "web");
  t.is(store.run("undo").status, 0);
});

test("a rollback with --restart of what is neither container nor revision says that there is no such container", (t) => {
  const store = runningStore(t);
  const unknown = store.run("rollback", "--restart", "absent");
  t.is(unknown.status, 24);
  t.regex(unknown.stderr, /Cannot find container "absent": there is none by that name or id\n.*varve ps -a/);
  t.regex(store.run("rollback", "--restart", "base").stderr, /this store has no tracked directory\n.*Name a container/s);
});

test("a paused or restarting container is stopped for good before its tree changes", async (t) => {
  const store = await counting(t, "--restart", "always");
  const { status, stderr } = store.run("rollback", "--restart", "web", "base");
  t.is(status, 0, stderr);
  await startsAre(store, 1);
  t.is(listed(store, "web")?.state, "running");
});

test("restore and switch restart a container, too", async (t) => {
  const store = await counting(t);
  store.run("exec", "web", "touch", "/root/more");
  t.is(store.run("restore", "--restart", "web", "--", "root/more").status, 0);
  await startsAre(store, 2);
  t.not(store.run("exec", "web", "ls", "/root/more").status, 0);
  t.is(store.run("switch", "--restart", "web", "-c", "next", "base").status, 0);
  await startsAre(store, 3);
});

test("a container that does not run is not started, and a failure starts it again", async (t) => {
  const store = await counting(t);
  const { status } = store.run("switch", "--restart", "web", "base2");
  t.is(status, 20);
  t.is(listed(store, "web")?.state, "running");
  store.run("stop", "web");
  t.is(store.run("rollback", "--restart", "web").status, 0);
  t.is(listed(store, "web")?.state, "stopped");
});

test("what can't be started again as it was is refused before it is stopped", async (t) => {
  const store = await counting(t, "--rm");
  const { status, stderr } = store.run("rollback", "--restart", "web");
  t.is(status, 44);
  t.regex(stderr, /it goes when its process ends \(--rm\)/);
  t.is(listed(store, "web")?.state, "running");
  const dry = store.run("rollback", "-n", "--restart", "web");
  t.is(dry.status, 2);
});
