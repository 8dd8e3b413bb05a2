import { VarveError } from "../../core/errors.js";
import { freezerOf, type Freezer } from "../runtime/cgroups.js";
import { notRunning } from "./background.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";
import { afterPausedWork, notFrozen } from "./paused-work.js";

/** `Containers.pause`. */
export async function pauseContainer(directory: ContainerDirectory, name: string): Promise<boolean> {
  const freezer = await freezerOfRunning(directory, name, "pause");
  if (freezer.isFrozen()) return false;
  const isFrozen = freezer.freeze();
  // What is gone has no process that does not stand still.
  if (livingProcess(directory) === undefined) throw notRunning("pause", name);
  if (isFrozen) return true;
  freezer.thaw();
  throw notFrozen(name);
}

/** `Containers.unpause`. */
export async function unpauseContainer(directory: ContainerDirectory, name: string): Promise<boolean> {
  const freezer = await freezerOfRunning(directory, name, "unpause");
  if (!freezer.isFrozen()) return false;
  freezer.thaw();
  return true;
}

/** A frozen runtime would never end, nor leave: it joins the container's cgroup. @throws VarveError CONFLICT. */
export async function requireUnpaused(directory: ContainerDirectory, name: string): Promise<void> {
  await afterPausedWork(directory);
  if (freezerOf(directory.id)?.isFrozen() !== true) return;
  throw new VarveError("CONFLICT", `Cannot run a process in container "${name}": it is paused`, {
    hint: `Let it go on first: varve unpause ${name}`,
  });
}

/** After a commit, which thaws it when it ends, or leaves it as it was. */
async function freezerOfRunning(directory: ContainerDirectory, name: string, verb: string): Promise<Freezer> {
  await afterPausedWork(directory);
  if (livingProcess(directory) === undefined) throw notRunning(verb, name);
  const freezer = freezerOf(directory.id);
  if (freezer !== undefined) return freezer;
  if (livingProcess(directory) === undefined) throw notRunning(verb, name);
  throw new VarveError("UNSUPPORTED", `Cannot ${verb} container "${name}": it has no cgroup that can be frozen`, {
    hint: '"varve doctor" tells what each runtime says of cgroups.',
  });
}
