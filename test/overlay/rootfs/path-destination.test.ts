import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "ava";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../../linux/open-at.js";
import { destinationOf } from "../../../overlay/rootfs/path-destination.js";

const root = mkdtempSync(path.join(os.tmpdir(), "varve-test-"));
for (const folder of ["proc", "usr/bin", "data/deep"]) mkdirSync(path.join(root, folder), { recursive: true });
for (const [name, target] of [
  ["bin", "usr/bin"],
  ["to-proc", "/proc"],
  ["proc/self", "/data"],
  ["up", "../../.."],
  ["deep", "/data/deep"],
  ["through", "deep/../../dev/zero"],
  ["loop", "loop"],
  ["dangling", "absent/file"],
] as const) {
  symlinkSync(target, path.join(root, name));
}
test.after.always(() => rmSync(root, { recursive: true }));

for (const [from, to] of [
  ["/", "/"],
  ["/data/./deep/", "/data/deep"],
  ["/absent/file", "/absent/file"],
  ["/bin/x", "/usr/bin/x"],
  ["/up/data", "/data"],
  ["/dangling", "/absent/file"],
  ["/deep/..", "/data"],
  // The root's own /proc is hidden when the process starts.
  ["/proc/self/fd/7", "/proc/self/fd/7"],
  ["/to-proc/self/x", "/proc/self/x"],
  ["/proc/self/../../data", "/proc/self/../../data"],
  ["/through", "/dev/zero"],
  ["/loop/x", "/loop/x"],
] as const) {
  test(`destinationOf() ${from} is ${to}`, (t) => {
    const descriptor = openAt(AT_FDCWD, root, O_PATH);
    t.teardown(() => closeDescriptor(descriptor));
    t.is(destinationOf(descriptor, from), to);
  });
}
