import { VarveError } from "../../core/errors.js";
import {
  DEFAULT_NETWORK,
  type NetworkRecord,
  type NetworkRequest,
  type Networks,
  type NetworkStatus,
} from "../../core/ports/networks.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { systemFailure } from "../system-failure.js";
import { preferredHelper } from "./helper-programs.js";
import { aloneOnNetworks } from "./machine-lock.js";
import { listNetworks, makeNetwork, networksBeside, removeNetworkFile } from "./network-files.js";
import { isSameMachine, networkMachine } from "./machine-id.js";
import { listAttachments } from "./stored-attachment.js";

/** @param containers `<store>/containers`, absolute; networks are kept beside it. */
export function openNetworks(containers: string): Networks {
  const folder = networksBeside(containers);
  const statuses = (): readonly NetworkStatus[] => {
    const machine = networkMachine();
    const attachments = listAttachments(containers).filter((each) => isSameMachine(each.machine, machine));
    return listNetworks(folder).map((record) => ({
      record,
      members: attachments
        .filter(({ network }) => network.id === record.id)
        .map(({ id, name, address }) => ({ id, name, address })),
    }));
  };
  const find = (nameOrId: string): NetworkStatus => {
    const all = doing("list the networks", folder, statuses);
    const exact = all.find(({ record }) => record.name === nameOrId || record.id === nameOrId);
    const byPrefix = nameOrId === "" ? [] : all.filter(({ record }) => record.id.startsWith(nameOrId));
    const found = exact ?? (byPrefix.length === 1 ? byPrefix[0] : undefined);
    if (found !== undefined) return found;
    const state = byPrefix.length > 1 ? `${byPrefix.length} have an id that begins so` : "there is none by that name or id";
    throw new VarveError("TARGET_UNKNOWN", `Cannot find network "${nameOrId}": ${state}`, { hint: hintFor(nameOrId) });
  };
  return {
    create: (request: NetworkRequest): NetworkRecord =>
      doing(`make network "${request.name}"`, folder, () => {
        requireBridges(`make network "${request.name}"`);
        return aloneOnNetworks(() => makeNetwork(folder, request));
      }),
    list: () => doing("list the networks", folder, statuses),
    find,
    remove: (nameOrId: string): NetworkRecord =>
      doing(`remove network "${nameOrId}"`, folder, () => {
        find(nameOrId);
        requireBridges(`remove network "${nameOrId}"`);
        return aloneOnNetworks(() => {
          const { record, members } = find(nameOrId);
          if (members.length > 0)
            throw networkBusy(
              record,
              members.map(({ name }) => name),
            );
          removeNetworkFile(folder, record);
          return record;
        });
      }),
  };
}

/** @throws VarveError PERMISSION where this user's containers are tied to none. */
function requireBridges(action: string): void {
  if (process.geteuid?.() === 0 && !isInUserNamespace()) return;
  throw new VarveError("PERMISSION", `Cannot ${action}: only root can, as it is a bridge of this machine`, {
    hint: `Without root each container has a network of its own: varve run --network ${preferredHelper()}. They reach each other by published ports (-p), or on one network with --network container:NAME.`,
  });
}

function hintFor(name: string): string {
  return name === DEFAULT_NETWORK ? "It is made when a container first asks for it." : '"varve network ls" lists all networks.';
}

function networkBusy({ name }: NetworkRecord, members: readonly string[]): VarveError {
  return new VarveError("CONTAINER_RUNNING", `Cannot remove network "${name}": containers are on it: ${members.join(", ")}`, {
    hint: `Stop them first: varve stop ${members.join(" ")}`,
  });
}

function doing<T>(action: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw systemFailure(action, error, path);
  }
}
