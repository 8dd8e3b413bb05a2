import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Call {
  readonly home: string;
  readonly words: readonly string[];
  readonly signal: NodeJS.Signals;
  /** When to send the signal: once this is true. */
  readonly when: (soFar: Omit<Ended, "status">) => boolean;
  /** By default `home`. */
  readonly cwd?: string;
  /** Left open, so that an import from stdin waits. */
  readonly input?: Buffer;
  /** strace's name of a system call that takes so many milliseconds more each time, as on a slow disk. */
  readonly slow?: readonly [call: string, milliseconds: number];
}

/** Calls the built command, and sends it a signal. */
export async function interrupted({ home, cwd = home, words, signal, when, input, slow }: Call): Promise<Ended> {
  const [program, ...before] = slow === undefined ? [process.execPath] : [...slowedBy(...slow), process.execPath];
  const child = spawn(program, [...before, BUILT_COMMAND, ...words], { cwd, env: environmentWithVarve(home) });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
  if (input !== undefined) child.stdin.write(input);
  const end = once(child, "close") as Promise<[number | null]>;
  while (!when(text) && child.exitCode === null) await sleep(20);
  child.kill(signal);
  const [status] = await end;
  return { status, ...text };
}

/** With -D the child is the command itself, and strace its grandchild. */
function slowedBy(call: string, milliseconds: number): [string, ...string[]] {
  const inject = `inject=${call}:delay_enter=${milliseconds * 1000}`;
  return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", inject];
}

export interface Store {
  readonly home: string;
  readonly store: string;
  readonly scratch: () => readonly string[];
  readonly working: () => boolean;
}

/** A store with one commit on `base`; what it is later compared with. */
export function makeStore(t: ExecutionContext): Store {
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  mkdirSync(path.join(home, "small"));
  writeFileSync(path.join(home, "small/file"), "x");
  t.is(varve(["--store", store, "import", "small", "-b", "base"], { cwd: home, home }).status, 0);
  return {
    home,
    store,
    scratch: () => readdirSync(path.join(store, "scratch"), "utf8"),
    // Who holds the lock writes so into it.
    working: () => readFileSync(path.join(store, "lock"), "utf8") !== "",
  };
}

export function branches(home: string, store: string): unknown {
  return (JSON.parse(varve(["--store", store, "branch", "--json"], { cwd: home, home }).stdout) as { name: string }[]).map(
    ({ name }) => name,
  );
}
