import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { testIf } from "../../helpers/requirements.js";
import { ContainerFixture, ended, until } from "../container-fixture.js";

/** Machines other than this one, as far as a mount namespace can make them. */
const machines = [
  { machine: "version 2 alone", needs: "runc", prepare: "mount -t cgroup2 none /sys/fs/cgroup", runtime: /runc/ },
  {
    machine: "no version 2, where crun agrees to run",
    needs: "crun",
    prepare: "{ umount /sys/fs/cgroup/unified 2>/dev/null || true; }",
    runtime: /crun/,
  },
] as const;

for (const { machine, needs, prepare, runtime } of machines) {
  const runtimeTest = testIf("erofs", "overlay", "oci-runtime", "mkfs.erofs", "unshare", needs);
  runtimeTest.serial(
    `on a machine with cgroups of ${machine} a container runs, is paused and stopped, and nothing is left`,
    async (t) => {
      const fixture = new ContainerFixture(prepare);
      try {
        const name = "counter";
        const script = "echo > /tmp/started; i=0; while true; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done";
        const record = fixture.create(name, { command: ["/bin/sh", "-c", script] });
        const child = fixture.begin({ action: "run", name });
        const count = path.join(fixture.upper(record), "tmp/count");
        await until(() => existsSync(count), "it runs");
        t.regex(readFileSync(path.join(fixture.directory, "runtime.json"), "utf8"), runtime);
        t.is(fixture.status(name)?.state, "running");
        const paused = fixture.begin({ action: "pausedFor", name, milliseconds: 1500 });
        await until(() => fixture.status(name)?.state === "paused", "it is paused");
        const before = readFileSync(count, "utf8");
        await pause(200);
        t.is(readFileSync(count, "utf8"), before);
        await ended(paused);
        await until(() => readFileSync(count, "utf8") !== before, "it counts again");
        fixture.act({ action: "stop", name });
        await ended(child);
        t.like(fixture.status(name), { state: "stopped", record: { exitCode: 137 } });
        await until(() => fixture.leftovers(record).length === 0, "nothing is left");
      } finally {
        fixture.dispose();
      }
    },
  );
}
