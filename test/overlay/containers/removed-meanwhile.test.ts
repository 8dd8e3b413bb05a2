import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ContainerRecord, Containers } from "../../../core/ports/containers.js";
import { openContainers } from "../../../overlay/containers/containers.js";
import { ContainerDirectory } from "../../../overlay/containers/container-directory.js";
import { lockIdle } from "../../../overlay/containers/idle-container.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { containerRecord } from "../container-fixture.js";

/** What a command does with a container that it has looked up. */
const WORK: Readonly<Record<string, (containers: Containers, record: ContainerRecord) => unknown>> = {
  noteRestarts: (containers, record) => containers.noteRestarts(record, { count: 0, stopped: true }),
  update: (containers, record) => containers.update(record, { name: "other" }),
  setLimits: (containers, record) => containers.setLimits(record, { processes: 5 }),
  rebase: (containers, record) => containers.rebase(record, record.base, record.layers),
  isFresh: (containers, record) => containers.isFresh(record),
  kill: (containers, record) => containers.kill(record, "SIGTERM"),
  pause: (containers, record) => containers.pause(record),
  unpause: (containers, record) => containers.unpause(record),
  run: (containers, record) => containers.run(record, []),
  start: (containers, record) => containers.start(record, []),
};

for (const [name, work] of Object.entries(WORK)) {
  test(`${name}() of a container that another command has removed meanwhile throws TARGET_UNKNOWN`, async (t) => {
    const home = temporaryDirectory(t);
    const containers = openContainers({
      directory: path.join(home, "containers"),
      volumes: path.join(home, "volumes"),
      openUpperTree: () => Promise.reject(new RangeError("no tree is asked for")),
    });
    const record = containerRecord("box");
    containers.create(record);
    containers.remove(record);
    const error = await t.throwsAsync(async () => work(containers, record), { instanceOf: VarveError });
    t.is(error.code, "TARGET_UNKNOWN");
  });
}

test("the lock of a container is none when the container was removed while another had it", (t) => {
  const home = temporaryDirectory(t);
  const directory = new ContainerDirectory(home, "0123456789ab");
  const error = t.throws(() => lockIdle(directory, "start", "box"), { instanceOf: VarveError });
  t.is(error.code, "TARGET_UNKNOWN");
});
