import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import type { RefName } from "../../core/model/ids.js";
import { declare } from "../../linux/native-library.js";
import { gitHistory } from "../../store/git/git-history.js";
import { initStore } from "../../store/init-store.js";
import { openStore } from "../../store/open-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { listed } from "../contracts/operation-log-contract.js";
import { commitChain } from "../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-store.js";

const environment = hermeticEnvironment("/nonexistent");
Object.assign(process.env, environment);

const SUBJECT = new URL("commit-subject.js", import.meta.url).pathname;
const TAG = "refs/tags/v2" as RefName;
/** ext4's FS_IOC_SHUTDOWN, `_IOR('X', 125, __u32)`; flag 2: without flushing the journal, as when the power goes. */
const FS_IOC_SHUTDOWN = 0x8004587d;
const NO_LOG_FLUSH = 2;

const ioctl = declare("int ioctl(int fd, unsigned long request, void *argument)");

interface Disk {
  readonly mountPoint: string;
  mount(): void;
  unmount(): void;
}

/**
 * An ext4 of its own in a file. Programs of other tests in mount namespaces of their own would keep it mounted, and a mount of what is still mounted
 * is the same broken one: so it stands below a shared mount, whence unmounting reaches all of them.
 */
function disk(t: ExecutionContext): Disk {
  const directory = temporaryDirectory(t);
  const [image, mountPoint] = [path.join(directory, "image"), path.join(directory, "mount")];
  writeFileSync(image, "");
  truncateSync(image, 64 * 2 ** 20);
  execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  mkdirSync(mountPoint);
  execFileSync("mount", ["--bind", "--make-shared", directory, directory]);
  let mounted = false;
  const unmount = (): void => {
    if (!mounted) return;
    execFileSync("umount", [mountPoint]);
    mounted = false;
    waitUntilLeft(image);
  };
  t.teardown(() => {
    unmount();
    execFileSync("umount", ["--lazy", directory]);
  });
  const mount = (): void => {
    execFileSync("mount", ["-o", "loop", image, mountPoint]);
    mounted = true;
  };
  return { mountPoint, mount, unmount };
}

const LONGEST_WAIT_SECONDS = 60;

/** The kernel lets go of a filesystem when the last of its mounts is gone, everywhere. */
function waitUntilLeft(image: string): void {
  for (let waited = 0; waited < LONGEST_WAIT_SECONDS * 10; waited += 1) {
    if (execFileSync("losetup", ["--associated", image], { encoding: "utf8" }) === "") return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  throw new RangeError(`the disk is still mounted somewhere after ${LONGEST_WAIT_SECONDS} s`);
}

function cutPower({ mountPoint }: Disk): void {
  const fd = openSync(mountPoint, "r");
  const flag = Buffer.alloc(4);
  flag.writeUInt32LE(NO_LOG_FLUSH);
  const result = ioctl(fd, FS_IOC_SHUTDOWN, flag);
  closeSync(fd);
  if (result !== 0) throw new RangeError("the filesystem could not be shut down");
}

/** Runs the subject on a fresh disk, cuts the power once it has ended, and mounts the disk again. @returns The store. */
async function cutAfterSubject(
  t: ExecutionContext,
  wrap: readonly string[],
  seconds: number,
): Promise<{ store: string; id: string }> {
  const device = disk(t);
  device.mount();
  const layout = initStore(path.join(device.mountPoint, ".varve"));
  const history = gitHistory(layout);
  const [first] = await commitChain(history, 1);
  await history.updateRefs([{ name: "refs/heads/ci/old" as RefName, before: undefined, after: first }]);
  execFileSync("sync");
  const words = [...wrap, process.execPath, SUBJECT, layout.root];
  const stdout = execFileSync("env", words, { env: environment, encoding: "utf8" });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  cutPower(device);
  device.unmount();
  device.mount();
  return { store: layout.root, id: /^[0-9a-f]{40}$/m.exec(stdout)?.[0] ?? "" };
}

for (const seconds of [0, 7]) {
  testIf("mounts", "mkfs.ext4").serial(
    `a commit whose id was printed is there after a power cut ${seconds} s later`,
    async (t) => {
      const { store, id } = await cutAfterSubject(t, [], seconds);
      const layout = await openStore(store);
      const history = gitHistory(layout);
      t.is<string | undefined, string>(await history.readRef(TAG), id);
      t.deepEqual(
        (await history.listRefs("refs/")).map(({ name }) => name as string),
        ["refs/heads/ci/new", "refs/heads/main", TAG],
      );
      t.is((await listed(fileOperationLog(layout))).length, 1);
      t.is((await history.refLog("refs/heads/main" as RefName)).length, 2);
      t.is(
        execFileSync("git", ["fsck", "--strict", "--no-dangling"], { cwd: layout.git, env: environment, encoding: "utf8" }),
        "",
      );
      t.deepEqual(readdirSync(layout.scratch), []);
    },
  );
}

/** Any other test may call sync(1), which reaches this disk too: then there was nothing to lose. */
const ATTEMPTS = 4;

// Without this one the others would prove nothing: the same work, with every fsync only claimed.
testIf("mounts", "mkfs.ext4", "strace").serial("a commit without fsync is lost or torn by the same power cut", async (t) => {
  const lie = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:retval=0"];
  let isLost = false;
  for (let attempt = 0; attempt < ATTEMPTS && !isLost; attempt += 1) {
    const { store, id } = await cutAfterSubject(t, lie, 0);
    t.regex(id, /^[0-9a-f]{40}$/);
    isLost = !(await hasTaggedCommit(store));
  }
  t.true(isLost);
});

async function hasTaggedCommit(store: string): Promise<boolean> {
  try {
    const history = gitHistory(await openStore(store));
    const tagged = await history.readRef(TAG);
    return tagged !== undefined && (await history.readCommit(tagged)).id === tagged;
  } catch {
    return false;
  }
}
