// What a person sees of an export that takes its time, or has no room.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

/** A store whose branch `rich` has many files, and a large one. */
function withBig(t: ExecutionContext): UserStore {
  const made = userStore(t, undefined);
  const many = path.join(made.home, "root/many");
  mkdirSync(many);
  for (let number = 0; number < 2000; number += 1) writeFileSync(path.join(many, String(number)), "");
  writeFileSync(path.join(made.home, "root/big"), randomBytes(50 << 20));
  made.ok("import", "root", "-b", "rich");
  return made;
}

for (const [format, slow] of [
  ["ext4", "utimensat:delay_enter=1000"],
  ["erofs", "pwrite64:delay_enter=30000"],
  ["lxc", "utimensat:delay_enter=1000"],
] as const)
  testIf("erofs", "mke2fs", "strace").serial(
    `export --format ${format} shows on a terminal how far it is, and nothing of it stays`,
    (t) => {
      const { home, store } = withBig(t);
      // A disk that is slow enough for somebody to wait for it.
      const slowly = `strace -f -qq -o /dev/null -e trace=${slow.split(":")[0]} -e inject=${slow}`;
      const line = `${slowly} ${process.execPath} ${BUILT_COMMAND} --store ${store} export rich --format ${format} -o out`;
      const { stdout, error } = spawnSync("script", ["-qec", line, "/dev/null"], {
        cwd: home,
        env: environmentWithVarve(home),
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      t.is(error, undefined);
      t.regex(stdout, /[\d,]+ entries, [\d.]+ (?:B|[KM]iB)\r\u001B\[K[\s\S]*Wrote out\r\n$/);
      t.notRegex(stdout.slice(stdout.lastIndexOf("\u001B[K")), /entries/);
    },
  );

testIf("erofs", "mke2fs").serial(
  "checkout and export in each form to a full disk say so with the name that was given, and leave nothing",
  (t) => {
    const { home, store } = withBig(t);
    const lines = [
      ...["erofs", "ext4", "lxc"].map((format) => ["export", "rich", "--format", format, "-o", "small/out"]),
      ["checkout", "rich", "small/out"],
    ];
    for (const line of lines) {
      const script = `mkdir -p small; mount -t tmpfs -o size=8m none small; "$0" "$@" || echo "status $?"; ls -A small`;
      const words = ["--mount", "bash", "-ec", script, process.execPath, BUILT_COMMAND, "--store", store];
      const { stdout, stderr } = spawnSync("unshare", [...words, ...line], { cwd: home, encoding: "utf8" });
      t.is(stdout, "status 51\n", `${line.join(" ")}: ${stderr}`);
      const message = /Cannot write "([^"]+)"/.exec(stderr)?.[1] ?? /^varve: path: (.*)$/m.exec(stderr)?.[1];
      t.is(message, path.join(home, "small/out"), stderr);
    }
  },
);
