import { VarveError } from "../errors.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { startInBackground, stopContainer } from "./container-lifecycle.js";
import { findTarget, type Target } from "./targets.js";

export interface RestartOptions {
  /** Follows "Cannot": `roll back`. */
  readonly action: string;
  /** How long its process has to end before it is killed. */
  readonly graceMilliseconds: number;
  /** Told when the container runs again. */
  readonly onRestart: (record: ContainerRecord) => void;
}

/**
 * Stops a container that runs, does `work` and starts it again in the background, also when `work` fails. One that does not run is not started.
 *
 * @param work Given the target as it is then.
 * @throws VarveError UNSUPPORTED, before anything is done, for a container that could not be started again so; what `work` and `startInBackground` throw.
 */
export async function whileStopped<T>(
  repository: Repository,
  target: Target,
  { action, graceMilliseconds, onRestart }: RestartOptions,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  if (target.kind === "directory" || target.state === "created" || target.state === "stopped") return work(target);
  const { record } = target;
  requireRestartable(record, action);
  await stopContainer(repository, record, graceMilliseconds);
  let result: T;
  try {
    result = await work(findTarget(repository, record.id));
  } catch (error) {
    await startInBackground(repository, record).then(
      () => onRestart(record),
      () => undefined,
    );
    throw error;
  }
  try {
    await startInBackground(repository, record);
  } catch (error) {
    throw notStarted(error, record);
  }
  onRestart(record);
  return result;
}

function requireRestartable({ name, configuration: { background } }: ContainerRecord, action: string): void {
  const state =
    background === undefined
      ? "it runs in the foreground, on its own terminal"
      : background.removed === true
        ? "it goes when its process ends (--rm)"
        : undefined;
  if (state === undefined) return;
  throw new VarveError("UNSUPPORTED", `Cannot ${action} container "${name}" with --restart: ${state}`, {
    hint:
      background === undefined
        ? `Run "varve stop ${name}", then the command without --restart, then "varve start ${name}".`
        : undefined,
  });
}

/** What was to be done is done. */
function notStarted(error: unknown, { name }: ContainerRecord): unknown {
  if (!(error instanceof VarveError)) return error;
  return new VarveError(error.code, error.message, {
    path: error.path,
    hint: `The tree was changed, and the container is stopped. Take the change back with "varve undo", then "varve start ${name}".`,
    cause: error,
  });
}
