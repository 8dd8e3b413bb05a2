import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

export interface Pager {
  /** Where to write what it shows. */
  readonly descriptor: number;
  /** Ends its input and waits until its reader has left it. */
  finish(): Promise<void>;
}

/** Quits when all fits on one screen, passes colours through, and leaves the text on the screen: as git has it. */
const DEFAULT_PAGER = "less";
const DEFAULT_LESS = "FRX";

/**
 * The program that long output is read with: $VARVE_PAGER, else $PAGER, else less where there is one. An empty one and `cat` are none.
 * @returns A line for the shell.
 */
export function pagerCommand(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment["VARVE_PAGER"] ?? environment["PAGER"];
  if (named !== undefined) return named.trim() === "cat" || !canStart(named, environment) ? undefined : named;
  // On a terminal that can't move its cursor less waits for a key before it begins.
  const isDumb = environment["TERM"] === "dumb";
  return !isDumb && isOnPath(DEFAULT_PAGER, environment["PATH"] ?? "") ? DEFAULT_PAGER : undefined;
}

/** Whether its first word is a program, or something that only the shell understands. A pager that is none would swallow the output. */
function canStart(line: string, environment: NodeJS.ProcessEnv): boolean {
  const [program = ""] = line.trim().split(/\s+/);
  if (!/^[\w./+-]+$/.test(program)) return program !== "";
  return program.includes("/") ? isProgram(path.resolve(program)) : isOnPath(program, environment["PATH"] ?? "");
}

/** @returns `undefined` when it can't be started. */
export function startPager(command: string, environment: NodeJS.ProcessEnv): Pager | undefined {
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: ["pipe", "inherit", "inherit"],
    env: { LESS: DEFAULT_LESS, LV: "-c", ...environment },
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("close", () => resolve());
  });
  // What writes there writes by descriptor, and hears of a reader that left by itself.
  child.stdin.on("error", () => undefined);
  const descriptor = descriptorOf(child);
  if (descriptor === undefined) return undefined;
  const finish = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  return { descriptor, finish };
}

/** Output is written synchronously, so that it holds the work back while nobody reads on: a stream would keep all of it in memory. */
function descriptorOf({ stdin }: ChildProcess): number | undefined {
  const { fd } = (stdin as unknown as { readonly _handle?: { readonly fd?: unknown } })._handle ?? {};
  return typeof fd === "number" && fd > 2 ? fd : undefined;
}

function isOnPath(program: string, search: string): boolean {
  return search.split(":").some((directory) => directory !== "" && isProgram(path.join(directory, program)));
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
