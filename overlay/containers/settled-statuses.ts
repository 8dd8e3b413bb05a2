import { lstatSync } from "node:fs";
import path from "node:path";
import type { ContainerStatus } from "../../core/ports/containers.js";
import type { ContainerDirectory } from "./container-directory.js";

/** A file may change twice while the clock stands at one tick. */
const TICK_MILLISECONDS = 50;

/**
 * What this process has seen of containers that do not run. A command asks for all of them several times, and each would cost a dozen files a
 * container: as long as its directory and its exit code are the same files with the same times, so is its state.
 */
export class SettledStatuses {
  readonly #seen = new Map<string, { readonly mark: string; readonly status: ContainerStatus }>();

  /** @param read What the files tell, and whether it stays so as long as they do. */
  status(
    directory: ContainerDirectory,
    read: () => { readonly status: ContainerStatus; readonly isSettled: boolean } | undefined,
  ): ContainerStatus | undefined {
    const mark = markOf(directory);
    const seen = this.#seen.get(directory.id);
    if (seen !== undefined && seen.mark === mark) return seen.status;
    this.#seen.delete(directory.id);
    const found = read();
    if (found?.isSettled === true && mark !== undefined) this.#seen.set(directory.id, { mark, status: found.status });
    return found?.status;
  }
}

/** @returns `undefined` for files that changed a moment ago. */
function markOf({ id, path: place, exits }: ContainerDirectory): string | undefined {
  const marks: string[] = [];
  for (const file of [place, path.join(exits, id)]) {
    const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - Number(stat.ctimeMs) < TICK_MILLISECONDS) return undefined;
    marks.push(stat === undefined ? "" : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`);
  }
  return marks.join("/");
}
