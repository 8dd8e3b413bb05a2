import { existsSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ContainerState, ContainerStatus } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { attachmentTo, isNetworkTrouble } from "../network/container-network.js";
import { hasAttachment } from "../network/stored-attachment.js";
import { freezerOf } from "../runtime/cgroups.js";
import { CONTAINER_ID, ContainerDirectory } from "./container-directory.js";
import { livingHolder, livingProcess, livingSupervisor } from "./container-process.js";
import { thawAbandoned } from "./paused-work.js";
import { clearRun } from "./prepare-run.js";
import { SettledStatuses } from "./settled-statuses.js";
import type { StoredContainer } from "./stored-container.js";
import { containerIds, findStored, unknownContainer } from "./stored-containers.js";

export type FoundContainer = StoredContainer & { readonly directory: ContainerDirectory };

/** The containers of a store, and what the system tells of them. What dead commands left of one is cleared when it is looked at. */
export class ContainerIndex {
  readonly #path: string;
  readonly #settled = new SettledStatuses();

  /** @param path The containers' directory, absolute; it may be absent. */
  constructor(path: string) {
    this.#path = path;
  }

  /** By ascending time of creation. */
  list(): readonly ContainerStatus[] {
    return containerIds(this.#path)
      .flatMap((id) => this.#status(this.directory(id)) ?? [])
      .sort((a, b) => compare(a.record.created, b.record.created) || compare(a.record.id, b.record.id));
  }

  /** @throws VarveError TARGET_UNKNOWN. */
  find(nameOrId: string): ContainerStatus {
    const known = CONTAINER_ID.test(nameOrId) ? this.#status(this.directory(nameOrId)) : undefined;
    const status = known ?? this.#status(this.directory(findStored(this.#path, nameOrId).id));
    if (status !== undefined) return status;
    throw unknownContainer(nameOrId, "there is none by that name or id");
  }

  fault(id: string): string | undefined {
    try {
      const directory = this.directory(id);
      const stored = directory.read();
      if (stored !== undefined) directory.requireOverlay(stored.generation);
      return undefined;
    } catch (error) {
      if (error instanceof VarveError) return error.message;
      throw error;
    }
  }

  /** Processes whose mount namespaces hold images of this store. */
  *holders(): Generator<number> {
    for (const id of containerIds(this.#path)) {
      const pid = livingHolder(this.directory(id));
      if (pid !== undefined) yield pid;
    }
  }

  directory(id: string): ContainerDirectory {
    return new ContainerDirectory(this.#path, id);
  }

  /** @throws VarveError TARGET_UNKNOWN. */
  existing(id: string): FoundContainer {
    const directory = this.directory(id);
    const stored = directory.read();
    if (stored === undefined) throw new VarveError("TARGET_UNKNOWN", `Cannot open container "${id}": there is no such container`);
    return { ...stored, directory };
  }

  #status(directory: ContainerDirectory): ContainerStatus | undefined {
    try {
      return this.#settledStatus(directory);
    } catch (error) {
      if (isRemoved(directory, error)) return undefined;
      throw error;
    }
  }

  #settledStatus(directory: ContainerDirectory): ContainerStatus | undefined {
    return this.#settled.status(directory, () => {
      const stored = directory.read();
      if (stored === undefined) return undefined;
      const isSettled = !directory.hasRunFiles() && !hasAttachment(this.#path, directory.id);
      const pid = isSettled ? undefined : livingProcess(directory);
      if (pid !== undefined) return { status: this.#living(directory, stored, pid), isSettled };
      if (!isSettled && livingSupervisor(directory) === undefined) this.clearAbandoned(directory);
      // What was cleared may have told more of its end.
      const { record } = isSettled ? stored : (directory.read() ?? stored);
      const state = existsSync(directory.file("config.json")) || record.exitCode !== undefined ? "stopped" : "created";
      return { status: { record, state, pid: undefined }, isSettled };
    });
  }

  #living(directory: ContainerDirectory, stored: StoredContainer, pid: number): ContainerStatus {
    thawAbandoned(directory);
    const state: ContainerState = freezerOf(directory.id)?.isFrozen() === true ? "paused" : "running";
    const attachment = attachmentTo(this.#path, directory.id);
    return { record: stored.record, state, pid, ...(attachment && { attachment }) };
  }

  /** What a killed command left: the runtime's state, cgroups. Not while another process runs the container. */
  clearAbandoned(directory: ContainerDirectory): void {
    if (!existsSync(directory.file("runtime")) && !hasAttachment(this.#path, directory.id)) return;
    let release: (() => void) | undefined;
    try {
      release = directory.tryLock();
      if (release !== undefined && livingProcess(directory) === undefined) clearRun(directory);
    } catch (error) {
      if (isRemoved(directory, error)) return;
      // Whoever may only look is not hindered by what only the owner can clear.
      if (!hasCode(error, "EACCES", "EPERM", "EROFS") && !isNetworkTrouble(error)) throw error;
    } finally {
      release?.();
    }
  }
}

/** Whether another command has removed the container while this one looked at it. */
function isRemoved(directory: ContainerDirectory, error: unknown): boolean {
  return hasCode(error, "ENOENT") && !existsSync(directory.path);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
