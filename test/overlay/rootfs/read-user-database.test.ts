import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../../linux/open-at.js";
import { readUserDatabase } from "../../../overlay/rootfs/read-user-database.js";
import { testIf } from "../../helpers/requirements.js";

/** The /etc/passwd that `readUserDatabase` finds in a root that `make` fills. */
function passwdOf(make: (file: string) => void): string {
  const root = mkdtempSync(path.join(os.tmpdir(), "varve-test-"));
  const descriptor = openAt(AT_FDCWD, root, O_PATH);
  try {
    mkdirSync(path.join(root, "etc"));
    make(path.join(root, "etc/passwd"));
    return readUserDatabase(descriptor).passwd;
  } finally {
    closeDescriptor(descriptor);
    rmSync(root, { recursive: true });
  }
}

const texts: readonly (readonly [what: string, make: (file: string) => void, text: string])[] = [
  ["a file", (file) => writeFileSync(file, "root:x:0:0"), "root:x:0:0"],
  ["nothing", () => undefined, ""],
  ["a symlink to a host file", (file) => symlinkSync("/etc/os-release", file), ""],
  [
    "a symlink within the root",
    (file) => {
      writeFileSync(path.join(path.dirname(file), "users"), "ada");
      symlinkSync("/etc/users", file);
    },
    "ada",
  ],
  ["a symlink to /dev/null, which holds nothing", (file) => symlinkSync("/dev/null", file), ""],
];

for (const [what, make, text] of texts) {
  test(`readUserDatabase() of ${what} gives ${JSON.stringify(text)}`, (t) => {
    t.is(passwdOf(make), text);
  });
}

const node = (...words: string[]): ((file: string) => void) => {
  return (file) => void spawnSync("mknod", [file, ...words]);
};
/** `l/..` is `/`, since `l` leads to `/bin`. */
function linkThroughAnother(file: string): void {
  symlinkSync("/bin", path.join(path.dirname(file), "l"));
  symlinkSync("l/../dev/zero", file);
}

const unfit: readonly (readonly [what: string, make: (file: string) => void, runs: typeof test])[] = [
  ["a FIFO, at which a runtime would wait for ever", node("p"), test],
  ["/dev/zero, of which a runtime would read for ever", node("c", "1", "5"), testIf("root")],
  ["a symlink to a device that the runtime will find in the container's /dev", (file) => symlinkSync("/dev/zero", file), test],
  ["a symlink to one by way of another", linkThroughAnother, test],
  ["a symlink into /proc", (file) => symlinkSync("../proc/self/mem", file), test],
  ["a directory", (file) => mkdirSync(file), test],
  ["a line that runc can't hold", (file) => writeFileSync(file, `root:x:0:0\n${"x".repeat(65_536)}\n`), test],
  [
    "a file of 1 GiB",
    (file) => {
      writeFileSync(file, "");
      truncateSync(file, 2 ** 30);
    },
    test,
  ],
];

for (const [what, make, runs] of unfit) {
  runs(`readUserDatabase() of ${what} throws RUNTIME_FAILED`, (t) => {
    const error = t.throws(() => passwdOf(make), { instanceOf: VarveError });
    t.is(error?.code, "RUNTIME_FAILED");
    t.regex(error?.message ?? "", /"\/etc\/passwd"/);
  });
}
