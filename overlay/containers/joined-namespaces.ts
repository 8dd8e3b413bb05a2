import { readdirSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { Namespaces } from "../../core/ports/isolation.js";
import { ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";

const CONTAINER = "container:";

/**
 * The namespaces of other containers that a container joins, as files that a runtime opens.
 *
 * @param containers The containers' directory.
 * @throws VarveError TARGET_UNKNOWN, CONTAINER_STOPPED.
 */
export function joinedNamespaces(
  containers: string,
  namespaces: Namespaces,
): Readonly<Partial<Record<keyof Namespaces, string>>> {
  const joined: Partial<Record<keyof Namespaces, string>> = {};
  for (const type of ["pid", "ipc", "uts"] as const) {
    const other = namespaces[type];
    if (other?.startsWith(CONTAINER) !== true) continue;
    joined[type] = `/proc/${processToJoin(containers, other.slice(CONTAINER.length), type)}/ns/${type}`;
  }
  return joined;
}

/** The first process of a container that runs. @param type Of the namespace, for messages. @throws VarveError TARGET_UNKNOWN, CONTAINER_STOPPED. */
export function processToJoin(containers: string, nameOrId: string, type: string): number {
  const directories = readdirSync(containers)
    .filter((id) => /^[0-9a-f]{12}$/.test(id))
    .map((id) => new ContainerDirectory(containers, id));
  const found = directories.find((directory) => directory.id === nameOrId || directory.read()?.record.name === nameOrId);
  if (found === undefined) {
    throw new VarveError(
      "TARGET_UNKNOWN",
      `Cannot join the ${type} namespace of container "${nameOrId}": there is none by that name`,
      {
        hint: '"varve ps -a" lists all containers.',
      },
    );
  }
  const pid = livingProcess(found);
  if (pid !== undefined) return pid;
  throw new VarveError("CONTAINER_STOPPED", `Cannot join the ${type} namespace of container "${nameOrId}": it does not run`, {
    hint: "A namespace is there as long as a process is in it: start that container first.",
  });
}
