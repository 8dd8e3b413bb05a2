import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { spawnProcess, type SpawnedProcess } from "../../linux/spawn.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

/** Runs a shell script, which is given the directory in $OUT. */
function spawnShell(out: string, script: string, ownSession = false): SpawnedProcess {
  const environment = { PATH: process.env["PATH"] ?? "", OUT: out };
  return spawnProcess({
    path: "/bin/sh",
    words: ["-c", script],
    environment,
    streams: ["ignore", "inherit", "inherit"],
    ownSession,
  });
}

function textOf(t: ExecutionContext, folder: string, name: string): string {
  const file = path.join(folder, name);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : t.fail(`${name} was not written`) || "";
}

for (const { script, status } of [
  { script: "exit 0", status: 0 },
  { script: "exit 255", status: 255 },
  { script: "kill -TERM $$", status: 143 },
  { script: "kill -KILL $$", status: 137 },
]) {
  test(`spawnProcess() of a shell that does "${script}" ends with ${status}`, async (t) => {
    t.is(await spawnShell(temporaryDirectory(t), script).ended, status);
  });
}

test("spawnProcess() gives /dev/null, the environment as told, / as directory, and no signal that Node blocks or ignores", async (t) => {
  const out = temporaryDirectory(t);
  const script =
    "readlink /proc/$$/fd/0 > $OUT/input; pwd > $OUT/directory; env > $OUT/environment; grep -E '^Sig(Blk|Ign)' /proc/self/status > $OUT/signals";
  t.is(await spawnShell(out, script).ended, 0);
  t.is(textOf(t, out, "input"), "/dev/null");
  t.is(textOf(t, out, "directory"), "/");
  t.true(
    textOf(t, out, "environment")
      .split("\n")
      .every((line) => /^(PATH|OUT|PWD|SHLVL|_)=/.test(line)),
  );
  const [, blocked, , ignored] = textOf(t, out, "signals").split(/\s+/);
  t.is(blocked, "0000000000000000");
  // glibc has its two signals for threads ignored until a program has threads.
  t.is(BigInt(`0x${ignored}`) & ~0x1_8000_0000n, 0n);
});

test("spawnProcess() leaves it in our session, or gives it its own", async (t) => {
  const sessions: string[] = [];
  for (const own of [false, true]) {
    const out = temporaryDirectory(t);
    // Behind the name, which may hold blanks: state, parent, group, session.
    const child = spawnShell(out, "sed 's/.*) //' /proc/$$/stat | cut -d' ' -f4 > $OUT/session; exit 0", own);
    t.is(await child.ended, 0);
    sessions.push(textOf(t, out, "session") === String(child.pid) ? "own" : "ours");
  }
  t.deepEqual(sessions, ["ours", "own"]);
});

test("spawnProcess() hands kill() on while it runs, and not after it has ended", async (t) => {
  const child = spawnShell(temporaryDirectory(t), "exec sleep 1000");
  child.kill("SIGKILL");
  t.is(await child.ended, 137);
  t.notThrows(() => child.kill("SIGKILL"));
});

test("spawnProcess() of a program that is not there throws ENOENT", (t) => {
  const request = { words: [], environment: {}, streams: ["ignore", "ignore", "ignore"], ownSession: false } as const;
  t.throws(() => spawnProcess({ path: "/absent/program", ...request }), { code: "ENOENT" });
});

test("native calls need koffi's native part alone", async (t) => {
  t.is(await spawnShell(temporaryDirectory(t), "exit 0").ended, 0);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  t.deepEqual(
    loaded.filter((file) => file.includes("/koffi/")),
    [],
  );
});
