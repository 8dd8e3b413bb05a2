import { writeFileSync } from "node:fs";
import os from "node:os";
import { isatty } from "node:tty";
import { VarveError } from "../../core/errors.js";
import type { ProcessResult } from "../../core/ports/containers.js";
import type { SpawnRequest } from "../../linux/spawn.js";
import { saveTerminal } from "../../linux/terminal.js";
import { isStarting, livingProcess } from "./container-process.js";
import { startRuntime } from "../runtime/oci-runtime.js";
import { memoryKills } from "../runtime/memory-kills.js";
import { runtimeFailure } from "../runtime/runtime-log.js";
import { clearRun, hasStarted, loggedErrors, withPreparedRun, type RunRequest } from "./prepare-run.js";
import { tellRun } from "./run-events.js";
import { forwardSignals } from "./signal-forwarding.js";

/** `Containers.run` for a container that is not running, under its lock. Nothing is mounted or running when it ends. */
export async function runContainer(request: RunRequest): Promise<ProcessResult> {
  const { directory, roots, stored } = request;
  checkTerminal(stored.record.configuration);
  try {
    const result = await withPreparedRun(request, () => superviseProcess(request));
    return memoryKills(directory.id) > 0 ? { ...result, oomKilled: true } : result;
  } finally {
    roots.unmount(directory.id);
    clearRun(directory);
  }
}

function checkTerminal({ terminal, interactive }: { readonly terminal: boolean; readonly interactive: boolean }): void {
  if (!terminal || (interactive ? isatty(0) : [0, 1, 2].some(isatty))) return;
  throw new VarveError("USAGE", "Cannot give the container a terminal: the input device is not a terminal", {
    hint: "Leave out -t when input comes from a pipe or a file.",
  });
}

async function superviseProcess({ directory, stored: { record }, runtime, onEvent }: RunRequest): Promise<ProcessResult> {
  const { terminal, interactive, command } = record.configuration;
  const paths = {
    state: directory.file("runtime"),
    bundle: directory.path,
    pidFile: directory.file("pid"),
    log: directory.file("runtime.log"),
  };
  // A process with a terminal writes to that alone; what the runtime would say itself stands in its log, too. But it looks for our
  // terminal among these.
  // A terminal that the runtime makes raw, and nobody reads, would swallow Ctrl-C: what is typed goes to the process without -i, too.
  const isRead = interactive || (terminal && isatty(0));
  const streams: SpawnRequest["streams"] = [
    isRead ? "inherit" : "ignore",
    "inherit",
    terminal && isatty(1) ? "ignore" : "inherit",
  ];
  const restoreTerminal = terminal && isatty(0) ? saveTerminal(0) : undefined;
  // Other runs share the images that stand in this process's mount namespace.
  writeFileSync(directory.file("command.pid"), String(process.pid), { mode: 0o600 });
  const begin = performance.now();
  const child = startRuntime(runtime, paths, record.id, streams, !terminal);
  const tellEnd = onEvent && tellRun(directory, record, onEvent);
  let exitCode: number | undefined;
  const signals = forwardSignals(
    () => {
      const pid = livingProcess(directory);
      return pid === undefined || isStarting(pid, child.pid) ? undefined : pid;
    },
    () => child.kill("SIGKILL"),
  );
  try {
    const status = await child.ended;
    exitCode = status;
    const durationMilliseconds = performance.now() - begin;
    // A process that handled the signal and ended by its own will has the last word.
    if (signals.first === "SIGINT" && status >= 128) throw interrupted(record.name);
    if (signals.first !== undefined && status >= 128) {
      exitCode = 128 + os.constants.signals[signals.first];
      return { exitCode, durationMilliseconds };
    }
    if (!hasStarted(directory)) throw runtimeFailure(command[0] ?? "", loggedErrors(directory), runtime.name, directory.path);
    return { exitCode: status, durationMilliseconds };
  } finally {
    signals.stop();
    restoreTerminal?.();
    tellEnd?.(exitCode);
  }
}

function interrupted(name: string): VarveError {
  return new VarveError("INTERRUPTED", `Cannot finish the run of container "${name}": it was interrupted and stopped`, {
    hint: `What it wrote until then stands in the container, unless that was to be removed (--rm): varve diff ${name}`,
  });
}
