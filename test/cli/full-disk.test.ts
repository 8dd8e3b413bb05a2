import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve, varve } from "./built-command.js";

/** 10 MB, with a store whose branch `base` holds a small root. It goes with the test. */
function smallDisk(t: ExecutionContext): {
  readonly disk: string;
  readonly call: (...words: string[]) => ReturnType<typeof varve>;
} {
  const home = temporaryDirectory(t);
  const disk = path.join(home, "disk");
  mkdirSync(disk);
  execFileSync("make-small-root", [path.join(home, "rootfs")], { env: environmentWithVarve(home) });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=10m", "none", disk]);
  t.teardown(() => void execFileSync("umount", [disk]));
  const call = (...words: string[]): ReturnType<typeof varve> =>
    varve(["--store", path.join(disk, "store"), ...words], { cwd: home, home });
  t.is(call("import", "rootfs", "-b", "base").status, 0);
  return { disk, call };
}

testIf(
  "erofs",
  "overlay",
  "oci-runtime",
)("rm of a container that has filled the disk names a way out, which works", (t) => {
  const { call } = smallDisk(t);
  const fill = "until ! head -c 100000 /dev/zero > /full.$((i += 1)); do :; done";
  t.is(call("run", "--name", "web", "base", "--", "sh", "-c", fill).status, 0);

  const refused = call("rm", "web");
  t.is(refused.status, 51);
  t.regex(refused.stderr, /: varve rm --forget web\n/);
  t.regex(call("ps", "--all").stdout, /^web /m);

  const removed = call("rm", "--forget", "web");
  t.is(removed.stderr, "Removed web\n");
  t.notRegex(call("branch").stdout, /web/);
  t.is(call("commit", "-m", "x", "web").status, 24);
  t.is(call("fsck").status, 0);
});

for (const words of [[], ["-d"]] as const) {
  testIf(
    "erofs",
    "overlay",
    "oci-runtime",
    "conmon",
  )(`run ${words.join(" ")} on a disk with too little room for the runtime says so, and leaves no container`, (t) => {
    const { disk, call } = smallDisk(t);
    const statuses = new Set<number | null>();
    for (let left = 16; left <= 128; left += 8) {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(path.join(disk, "filler"), Buffer.alloc(bavail * bsize - left * 1024, 1));
      const { status, stdout } = call("--json", "run", ...words, "--name", "web", "base", "--", "true");
      rmSync(path.join(disk, "filler"));
      statuses.add(status);
      if (status === 0) t.is(call("rm", "-f", "--forget", "web").status, 0);
      else t.regex(stdout, /"code":\s*"DISK_FULL"/, `${left} KiB left`);
      t.is(call("ps", "-a", "--json").stdout, "[]\n", `${left} KiB left`);
    }
    t.deepEqual([...statuses].sort(), [0, 125], "it fails, and with more room it does not");
  });
}

testIf("erofs")("what is written to a full disk says which file has no room, and leaves nothing", (t) => {
  const { disk, call } = smallDisk(t);
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path.join(disk, "filler"), Buffer.alloc(bavail * bsize - 100_000, 1));
  const before = readdirSync(disk);
  for (const words of [
    ["save", "base"],
    ["export", "base"],
    ["bundle", "base"],
  ]) {
    const file = path.join(disk, "out");
    const { status, stderr } = call(...words, ...(words[0] === "bundle" ? [file] : ["-o", file]));
    t.is(status, 51, stderr);
    t.regex(stderr, /^varve: error: Cannot write ".*\/disk\/out": the disk is full\nvarve: hint: Free some space/m);
    t.deepEqual(readdirSync(disk), before);
  }
});
