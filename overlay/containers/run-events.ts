import { existsSync } from "node:fs";
import { containerEvent } from "../../core/events/container-event.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import { memoryKills } from "../runtime/memory-kills.js";
import type { ContainerDirectory } from "./container-directory.js";
import { hasStarted, type OnEvent } from "./prepare-run.js";

const FIRST_LOOK_MILLISECONDS = 10;
const SLOWEST_LOOK_MILLISECONDS = 200;

/**
 * Tells of the start of a process in the foreground, and of its end. The runtime says nothing between: looked at is what it notes.
 * @returns Told the exit code when the runtime has ended; without one when nobody knows it.
 */
export function tellRun(directory: ContainerDirectory, record: ContainerRecord, onEvent: OnEvent): (exitCode?: number) => void {
  let hasTold = false;
  const look = (): void => {
    if (hasTold || !hasStarted(directory)) return;
    hasTold = true;
    onEvent(containerEvent("start", record));
  };
  let delay = FIRST_LOOK_MILLISECONDS;
  const lookLater = (): NodeJS.Timeout =>
    setTimeout(() => {
      look();
      delay = Math.min(2 * delay, SLOWEST_LOOK_MILLISECONDS);
      if (!hasTold) timer = lookLater();
    }, delay);
  let timer = lookLater();
  return (exitCode) => {
    clearTimeout(timer);
    look();
    if (hasTold) tellEnd(directory, record, exitCode, onEvent);
  };
}

/** @param exitCode Absent when nobody knows it. */
export function tellEnd(
  directory: ContainerDirectory,
  record: ContainerRecord,
  exitCode: number | undefined,
  onEvent: OnEvent,
): void {
  if (existsSync(directory.file("oom")) || memoryKills(directory.id) > 0) onEvent(containerEvent("oom", record));
  onEvent(containerEvent("die", record, exitCode === undefined ? {} : { exitCode: String(exitCode) }));
}
