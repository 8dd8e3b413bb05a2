import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { ContainerDirectory } from "../../../overlay/containers/container-directory.js";
import { isStarting, livingHolder, livingProcess, signalDisposition } from "../../../overlay/containers/container-process.js";
import { afterPausedWork } from "../../../overlay/containers/paused-work.js";
import { isWrittenInNamespace } from "../../../overlay/containers/written-ids.js";
import { testIf } from "../../helpers/requirements.js";
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

testIf("docker-init")(
  "signalDisposition() knows what tini waits for as handled, which stands in no set of /proc meanwhile",
  async (t) => {
    const tini = spawn("docker-init", ["-s", "--", "sh", "-c", "echo ready; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    // It hands that on to what it has started.
    t.teardown(() => tini.kill("SIGTERM"));
    await once(tini.stdout, "data");
    t.is(signalDisposition(tini.pid!, os.constants.signals.SIGUSR1), "handled");
    const plain = spawn("sleep", ["60"], { stdio: "ignore" });
    t.teardown(() => plain.kill("SIGKILL"));
    t.is(signalDisposition(plain.pid!, os.constants.signals.SIGUSR1), "ignored");
  },
);

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

const makers: Readonly<Record<string, (file: string) => void>> = {
  "a FIFO": (file) => execFileSync("mkfifo", [file]),
  "a link to a device": (file) => symlinkSync("/dev/zero", file),
  "a directory": (file) => mkdirSync(file),
  "a file of 1 TB": (file) => {
    writeFileSync(file, "");
    truncateSync(file, 2 ** 40);
  },
  null: (file) => writeFileSync(file, "null"),
  "JSON of another shape": (file) => writeFileSync(file, '{"pid":{},"start":[],"boot":null}'),
};
for (const [what, make] of Object.entries(makers)) {
  test(`${what} in the place of what a run notes is none of it, and nobody waits for it`, async (t) => {
    const directory = new ContainerDirectory(temporaryDirectory(t), "0123456789ab");
    mkdirSync(directory.path);
    for (const name of ["pid", "conmon.pid", "command.pid", "paused.json"] as const) make(directory.file(name));
    t.is(livingProcess(directory), undefined);
    t.is(livingHolder(directory), undefined);
    await t.notThrowsAsync(afterPausedWork(directory));
    make(directory.ids(1));
    t.throws(() => isWrittenInNamespace(directory, 1));
  });
}
