import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** The built command, while the test serves what it asks for. @param home As for `environmentWithVarve`; where it runs. */
export function startVarve(
  home: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Running {
  const child = spawn(process.execPath, [BUILT_COMMAND, ...words], {
    cwd: home,
    env: { ...environmentWithVarve(home), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr.push(text));
  const ended = once(child, "close").then(([status]) => ({
    status: status as number | null,
    stdout: stdout.join(""),
    stderr: stderr.join(""),
  }));
  return { child, ended };
}

/** The same, to its end. */
export function runVarve(...parts: Parameters<typeof startVarve>): Promise<Ended> {
  return startVarve(...parts).ended;
}
