// A program that does one thing with containers, for tests: entering a mount namespace is for a whole process.
// Usage: node container-driver.js JSON. The result, or the error, goes to descriptor 3 as JSON.
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { VarveError } from "../../core/errors.js";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { ContainerRecord, Containers } from "../../core/ports/containers.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { declare } from "../../linux/native-library.js";
import { needsUserNamespace } from "../../linux/user-namespace.js";
import { enterNamespaceOf } from "../../overlay/containers/enter-namespace.js";
import { openContainers } from "../../overlay/containers/containers.js";

export interface DriverRequest {
  readonly directory: string;
  readonly action: "create" | "run" | "list" | "stop" | "remove" | "pausedFor" | "rebase" | "find" | "runBoth" | "cycle";
  readonly record?: ContainerRecord;
  readonly images?: readonly LayerImageFile[];
  readonly name?: string;
  readonly milliseconds?: number;
  readonly other?: ContainerRecord;
  readonly count?: number;
  /** What a user namespace mounts in place of the images. */
  readonly unpacked?: readonly string[];
}

const request = JSON.parse(process.argv[2]!) as DriverRequest;
/** From linux/fcntl.h. */
const F_SETFD = 2;
const REPORT = 3;
if (request.unpacked !== undefined) enterNamespace();

/** As the command does: an ordinary user's goes on in a user namespace. */
function enterNamespace(): void {
  if (!needsUserNamespace()) return;
  declare("int fcntl(int descriptor, int command, int value)")(REPORT, F_SETFD, 0);
  enterNamespaceOf(request.directory, () => undefined);
}

const containers = openContainers({
  directory: request.directory,
  volumes: `${request.directory}/../volumes`,
  openUpperTree: (): Promise<Tree> => {
    throw new RangeError("not used here");
  },
  ...(request.unpacked === undefined ? {} : { unpack: async () => request.unpacked! }),
});

async function act(
  containers: Containers,
  { action, record, images = [], name = "", milliseconds = 0, other }: DriverRequest,
): Promise<unknown> {
  switch (action) {
    case "create":
      containers.create(record!);
      return undefined;
    case "run":
      return containers.run(containers.find(name).record, images);
    case "runBoth":
      return Promise.all([record!, other!].map((each) => containers.run(each, images)));
    case "cycle":
      return cycle(containers, record!, images, request.count ?? 1);
    case "list":
      return containers.list();
    case "find":
      return containers.find(name);
    case "stop":
      return containers.stop(containers.find(name).record, milliseconds);
    case "remove":
      containers.remove(containers.find(name).record);
      return undefined;
    case "rebase":
      return containers.rebase(containers.find(name).record, "1".repeat(40) as CommitId, ["2".repeat(64) as LayerId]);
    case "pausedFor":
      return containers.whilePaused(containers.find(name).record, () => pause(milliseconds));
  }
}

/** Makes a container, starts it in the background, ends it and removes it, again and again. */
async function cycle(
  containers: Containers,
  record: ContainerRecord,
  images: readonly LayerImageFile[],
  count: number,
): Promise<void> {
  for (let number = 0; number < count; number++) {
    const id = number.toString(16).padStart(12, "0");
    const each = { ...record, id, name: `${record.name}-${number}` };
    containers.create(each);
    await containers.start(each, images);
    await containers.stop(each, 0);
    containers.remove(each);
  }
}

try {
  report({ result: (await act(containers, request)) ?? null });
} catch (error) {
  if (!(error instanceof VarveError)) throw error;
  report({ error: { code: error.code, message: error.message, hint: error.hint } });
  process.exitCode = 125;
}

function report(value: unknown): void {
  try {
    writeSync(REPORT, JSON.stringify(value));
  } catch {
    // Nobody listens.
  }
}
