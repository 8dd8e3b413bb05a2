import test from "ava";
import { parseCgroupMounts } from "../../../overlay/runtime/cgroups.js";

const TMPFS = "tmpfs /sys/fs/cgroup tmpfs rw 0 0";
const FREEZER = "cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0";
const UNIFIED = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0";
const PURE = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0";

const cases: readonly { readonly why: string; readonly lines: readonly string[]; readonly wants: readonly string[] }[] = [
  { why: "version 2 alone", lines: ["proc /proc proc rw 0 0", PURE], wants: ["2 /sys/fs/cgroup"] },
  { why: "both versions", lines: [TMPFS, FREEZER, UNIFIED], wants: ["1 /sys/fs/cgroup/freezer", "2 /sys/fs/cgroup/unified"] },
  { why: "only what no later mount hides", lines: [TMPFS, FREEZER, UNIFIED, PURE], wants: ["2 /sys/fs/cgroup"] },
  { why: "a path with a space", lines: ["cgroup2 /a\\040b cgroup2 rw 0 0"], wants: ["2 /a b"] },
  { why: "none", lines: [""], wants: [] },
];

for (const { why, lines, wants } of cases) {
  test(`parseCgroupMounts() finds ${why}`, (t) => {
    t.deepEqual(
      parseCgroupMounts(`${lines.join("\n")}\n`).map(({ version, path }) => `${version} ${path}`),
      wants,
    );
  });
}

test("parseCgroupMounts() tells what a version 1 hierarchy controls", (t) => {
  t.true(parseCgroupMounts(FREEZER)[0]!.controllers.includes("freezer"));
});
