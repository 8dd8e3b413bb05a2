import type { ContainerRecord, RestartPolicy, Restarts } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { prepareStart, removeContainers } from "./container-lifecycle.js";

const FIRST_DELAY_MILLISECONDS = 100;
const LONGEST_DELAY_MILLISECONDS = 60_000;
/** A process that ran so long is taken as one that works: the next restart waits as little as the first. */
const SOUND_MILLISECONDS = 10_000;

const GRACE_MILLISECONDS = 10_000;

export interface Ended {
  readonly exitCode: number | undefined;
  readonly ranMilliseconds: number;
}

/**
 * How long to wait before a policy starts a process again: docker's doubling from 100 ms to a minute.
 * @returns `undefined` when it is not started again.
 */
export function restartDelay(policy: RestartPolicy, { count, stopped }: Restarts, { exitCode }: Ended): number | undefined {
  if (stopped || policy.name === "no") return undefined;
  if (policy.name === "on-failure" && (exitCode === 0 || count >= (policy.most ?? Infinity))) return undefined;
  return Math.min(LONGEST_DELAY_MILLISECONDS, FIRST_DELAY_MILLISECONDS * 2 ** Math.min(count, 20));
}

/** Whether anything follows on the end of a container's process. */
export function hasConsequences({ configuration: { background } }: ContainerRecord): boolean {
  return background !== undefined && (background.removed === true || background.restart.name !== "no");
}

/**
 * What follows on the end of a process in the background: the container goes (`--rm`), or its policy starts it again, as often as that says.
 *
 * @param command For the operation log.
 * @param pause Waits so many milliseconds.
 */
export async function settleEnded(
  repository: Repository,
  id: string,
  {
    ranMilliseconds,
    command,
    pause,
  }: { ranMilliseconds: number; command: string; pause: (milliseconds: number) => Promise<void> },
): Promise<void> {
  const { containers } = repository;
  const found = containerOf(repository, id);
  const background = found?.configuration.background;
  if (found === undefined || background === undefined) return;
  if (background.removed === true) return removeContainers(repository, [found], { command, forget: true, volumes: true });
  const restarts = containers.restarts(found);
  const restarted = ranMilliseconds >= SOUND_MILLISECONDS ? { ...restarts, count: 0 } : restarts;
  const delay = restartDelay(background.restart, restarted, { exitCode: found.exitCode, ranMilliseconds });
  if (delay === undefined) return;
  await pause(delay);
  // Stopped, started or removed by a person meanwhile.
  const now = containerOf(repository, id);
  if (now === undefined || containers.restarts(now).stopped) return;
  const { record, images } = await prepareStart(repository, { id }, {});
  containers.noteRestarts(record, { ...containers.restarts(record), count: restarted.count + 1 });
  if (containers.restarts(record).stopped) return;
  await containers.start(record, images);
  // Whoever stopped it just before found nothing to stop.
  if (containers.restarts(record).stopped) await containers.stop(record, GRACE_MILLISECONDS);
}

/** @returns `undefined` when it is gone, or runs. */
function containerOf({ containers }: Repository, id: string): ContainerRecord | undefined {
  const status = containers.list().find(({ record }) => record.id === id);
  return status === undefined || status.pid !== undefined ? undefined : status.record;
}
