import type { ContainerUsage } from "../../core/ports/container-usage.js";
import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

interface Told {
  readonly name: string;
  readonly usage: (ContainerUsage & { readonly cpuPercent: number | null }) | null;
}

test("stats tells what a busy and an idle container use, and that one does not run", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "busy", "idle", "ended"));
  const start = (name: string, script: string): void => {
    const { status, stderr } = store.run("run", "-d", "--name", name, "--memory", "64m", "base", "--", "sh", "-c", script);
    t.is(status, 0, stderr);
  };
  start("busy", "sleep 1000 & while :; do :; done");
  start("idle", "exec sleep 1000");
  start("ended", ":");
  t.is(store.run("wait", "ended").status, 0);
  const { stdout, status } = store.run("--json", "stats", "busy", "idle", "ended", "--no-stream");
  t.is(status, 0);
  const [busy, idle, ended] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
  t.deepEqual([busy?.name, idle?.name, ended?.name], ["busy", "idle", "ended"]);
  t.is(busy?.usage?.processes, 2);
  t.is(idle?.usage?.processes, 1);
  t.is(idle?.usage?.memoryLimitBytes, 64 << 20);
  t.true(idle!.usage!.memoryBytes! > 0 && idle!.usage!.memoryBytes! < 64 << 20);
  t.true(busy!.usage!.cpuPercent! > 10, "of a machine that may be busy itself");
  t.true(idle!.usage!.cpuPercent! < 5);
  t.is(ended?.usage, null);
  const table = store.run("stats", "--no-stream").stdout.trimEnd().split("\n");
  t.regex(table[0]!, /^ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/);
  t.is(table.length, 3, "those that run");
  t.regex(table[1]!, /^[0-9a-f]{12}  busy +\d+\.\d\d% .* \/ 64 MiB +\d+\.\d\d% .*2$/);
  t.is(store.run("stats", "--no-stream", "absent").status, 24);
});
