import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

const FILES = 3000;

/** The real command on a disk where each look at an inode takes a while. */
class SlowCommand {
  stdout = "";
  stderr = "";
  readonly #log: string;
  readonly #strace: ChildProcess;
  readonly #end: Promise<number | null>;

  constructor(home: string, words: readonly string[], milliseconds: number) {
    this.#log = path.join(home, "strace.log");
    writeFileSync(this.#log, "");
    const inject = ["-e", "trace=statx", "-e", `inject=statx:delay_enter=${milliseconds * 1000}`];
    this.#strace = spawn("strace", ["-f", "-qq", "-o", this.#log, ...inject, process.execPath, BUILT_COMMAND, ...words], {
      cwd: home,
      env: environmentWithVarve(home),
    });
    this.#strace.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#strace.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#end = new Promise((resolve) => this.#strace.once("close", (code) => resolve(code)));
  }

  /** One for each look at a file `slow-…`: the thread's number and the call. */
  looks(): readonly string[] {
    return readFileSync(this.#log, "latin1")
      .split("\n")
      .filter((line) => line.includes('"slow-'));
  }

  async interruptOnceLooking(): Promise<void> {
    while (this.looks().length === 0 && this.#strace.exitCode === null) await sleep(20);
    process.kill(Number(this.looks()[0]?.split(" ", 1)[0]), "SIGINT");
  }

  ended(): Promise<number | null> {
    return this.#end;
  }
}

function fill(directory: string, files: number, perDirectory: number): void {
  for (let file = 0; file < files; file += 1) {
    const folder = path.join(directory, `${Math.floor(file / perDirectory)}`, "below");
    if (file % perDirectory === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `slow-${file}`), `${file}`);
  }
}

/** @returns The directory. */
function commitTracked(t: ExecutionContext, home: string, files: number, perDirectory: number): string {
  const tracked = path.join(home, "tracked");
  fill(tracked, files, perDirectory);
  for (const words of [["init"], ["commit", "-m", "first"]]) t.is(varve(words, { cwd: tracked, home }).status, 0);
  return tracked;
}

async function endsEarly(t: ExecutionContext, home: string, words: readonly string[]): Promise<void> {
  const command = new SlowCommand(home, words, 10);
  await command.interruptOnceLooking();
  t.is(await command.ended(), 130, command.stderr);
  t.regex(command.stderr, /^varve: error: Cannot finish the command: SIGINT came\n$/);
  const looks = command.looks().length;
  t.true(looks < FILES, `${looks} of ${FILES} files were looked at`);
}

for (const [shape, perDirectory] of [
  ["one directory", FILES],
  ["many directories", 100],
] as const) {
  testIf("strace").serial(`SIGINT ends an import while ${shape} on a slow disk is looked at`, async (t) => {
    const home = temporaryDirectory(t);
    fill(path.join(home, "source"), FILES, perDirectory);
    await endsEarly(t, home, ["--quiet", "--store", "store", "import", "source", "-b", "base"]);
  });

  testIf("strace").serial(`SIGINT ends a status while ${shape} on a slow disk is looked at`, async (t) => {
    const home = temporaryDirectory(t);
    commitTracked(t, home, FILES, perDirectory);
    await endsEarly(t, home, ["status", "tracked"]);
  });
}

testIf("strace", "oci-runtime", "erofs", "overlay").serial(
  "SIGINT ends a status while what a container wrote is looked at on a slow disk",
  async (t) => {
    const home = temporaryDirectory(t);
    const store = ["--store", path.join(home, "store")];
    const script = `i=0; while [ $i -lt ${FILES} ]; do echo $i > /slow-$i; i=$((i+1)); done`;
    execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
    t.is(varve([...store, "import", "root", "-b", "base"], { cwd: home, home }).status, 0);
    t.is(varve([...store, "run", "--name", "box", "base", "--", "sh", "-c", script], { cwd: home, home }).status, 0);
    await endsEarly(t, home, [...store, "status", "box"]);
  },
);

testIf("strace").serial("status of a slow disk, looked at in many turns, tells what has changed and nothing else", async (t) => {
  const home = temporaryDirectory(t);
  const tracked = commitTracked(t, home, 1000, 150);
  writeFileSync(path.join(tracked, "3/below/slow-500"), "another");
  const command = new SlowCommand(home, ["status", "--json", "tracked"], 2);
  t.is(await command.ended(), 0, command.stderr);
  const { changes } = JSON.parse(command.stdout) as { changes: { path: string }[] };
  t.deepEqual(
    changes.map((change) => change.path),
    ["/3/below/slow-500"],
  );
});
