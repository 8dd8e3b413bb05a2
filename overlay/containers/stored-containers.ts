import { readdirSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord, ContainerStatus } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { systemFailure } from "../system-failure.js";
import { CONTAINER_ID, ContainerDirectory } from "./container-directory.js";

/** Of all containers in a directory, in no order. @param containers Absolute; it may be absent. */
export function containerIds(containers: string): readonly string[] {
  try {
    return readdirSync(containers).filter((name) => CONTAINER_ID.test(name));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw systemFailure("list the containers", error, containers);
  }
}

/** Of an id's prefix: a mistyped name of one letter would be one container of sixteen. */
const MIN_PREFIX_LENGTH = 2;

/** By name, id or an id's prefix of two characters or more. @throws VarveError TARGET_UNKNOWN. */
export function findStored(containers: string, nameOrId: string): ContainerRecord {
  const stored = containerIds(containers).flatMap((id) => new ContainerDirectory(containers, id).read()?.record ?? []);
  const exact = stored.find(({ name, id }) => name === nameOrId || id === nameOrId);
  const byPrefix = nameOrId.length < MIN_PREFIX_LENGTH ? [] : stored.filter(({ id }) => id.startsWith(nameOrId));
  const found = exact ?? (byPrefix.length === 1 ? byPrefix[0] : undefined);
  if (found !== undefined) return found;
  const state =
    byPrefix.length > 1 ? `${byPrefix.length} containers have an id that begins so` : "there is none by that name or id";
  throw unknownContainer(nameOrId, state);
}

export function unknownContainer(nameOrId: string, state: string): VarveError {
  return new VarveError("TARGET_UNKNOWN", `Cannot find container "${nameOrId}": ${state}`, {
    hint: '"varve ps -a" lists all containers.',
  });
}

/** @throws VarveError NAME_TAKEN. */
export function refuseTakenName(containers: readonly ContainerStatus[], name: string): void {
  const holder = containers.find(({ record }) => record.name === name);
  if (holder === undefined) return;
  throw new VarveError("NAME_TAKEN", `Cannot name a container "${name}": container ${holder.record.id} has that name`, {
    hint: `Choose another name, or remove that one with "varve rm ${name}".`,
  });
}
