import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { isStarting } from "../../../overlay/containers/container-process.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

/** A process that calls itself `argv0 init`, and says when it runs. */
async function called(t: ExecutionContext, argv0: string): Promise<ChildProcess> {
  const cwd = temporaryDirectory(t);
  writeFileSync(path.join(cwd, "init"), "echo ready; read -r line");
  const child = spawn("sh", ["init"], { argv0, cwd, stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  return child;
}

test("isStarting() tells runc's own code from a container's program", async (t) => {
  t.true(isStarting((await called(t, "/usr/sbin/runc")).pid!, undefined));
  t.true(isStarting((await called(t, "runc")).pid!, undefined));
  t.false(isStarting((await called(t, "/sbin/truncrunc")).pid!, undefined));
});

test("isStarting() takes a copy of the runtime for one", async (t) => {
  const [runtime, copy, other] = [await called(t, "crun"), await called(t, "crun"), await called(t, "sh")];
  t.true(isStarting(copy.pid!, runtime.pid));
  t.false(isStarting(other.pid!, runtime.pid));
});

test("isStarting() of a process that is gone is false", async (t) => {
  const child = await called(t, "crun");
  child.kill("SIGKILL");
  await once(child, "exit");
  t.false(isStarting(child.pid!, process.pid));
});
