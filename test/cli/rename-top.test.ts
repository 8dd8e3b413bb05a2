import { readFileSync } from "node:fs";
import type { ContainerProcess } from "../../core/ports/container-process.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

test("rename gives a container that runs another name; one that is taken or can't be is refused", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "b", "c"));
  t.is(store.run("run", "-d", "--name", "a", "base", "--", "sleep", "1000").status, 0);
  t.is(store.run("create", "--name", "c", "base", "--", "true").status, 0);
  const [{ id }] = store.json("ps") as [{ id: string }];
  t.deepEqual(store.json("rename", "a", "b"), { id, name: "b" });
  t.like((store.json("ps") as unknown[])[0], { id, name: "b", state: "running", branch: "a" });
  t.is(store.run("rename", "b", "c").status, 30);
  t.is(store.run("rename", "b", "b").status, 30);
  t.is(store.run("rename", "b", "../b").status, 2);
  t.is(store.run("rename", "a", "d").status, 24);
  t.is(store.run("stop", "-t", "0", "b").status, 0);
  t.is(store.run("start", "b").status, 0);
});

test("top lists the processes of a container with their ids on this machine", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "a"));
  t.is(store.run("run", "-d", "--name", "a", "base", "--", "sh", "-c", "sleep 1001 & sleep 1002; exit").status, 0);
  const [{ pid }] = store.json("ps") as [{ pid: number }];
  const listed = store.json("top", "a") as readonly ContainerProcess[];
  const first = listed.find((each) => each.pid === pid);
  t.deepEqual(first?.command.slice(0, 2), ["sh", "-c"]);
  const others = listed.filter((each) => each.parent === pid);
  t.deepEqual(others.map(({ command }) => command.join(" ")).sort(), ["sleep 1001", "sleep 1002"]);
  for (const { pid: other } of others) t.regex(readFileSync(`/proc/${other}/cmdline`, "utf8"), /^sleep/);
  t.is(listed.length, 3);
  t.regex(store.run("top", "a").stdout, /^UID +PID +PPID +TIME +CMD\n0 +\d+ +\d+ +\d+ ms +sh -c/);
  t.is(store.run("stop", "-t", "0", "a").status, 0);
  t.is(store.run("top", "a").status, 33);
});
