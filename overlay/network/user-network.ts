import { closeSync, constants, openSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import type { UserNetwork } from "../../core/ports/networks.js";
import { hasCode } from "../../linux/errno.js";
import { closeDescriptor } from "../../linux/open-at.js";
import type { JoinedNetwork } from "./joined-network.js";
import { requireHelper } from "./helper-programs.js";
import { requireFreePorts } from "./host-ports.js";
import { endHelper, isKept, startHelper } from "./network-helper.js";
import { mountNamespace, namespacePlace, unmountNamespace } from "./network-namespace.js";
import { listHelperAttachments, writeAttachment, type HelperAttachment } from "./stored-attachment.js";

/** Those of slirp4netns, which pasta is told: every container has a network of its own, so that all have the same. */
export const USER_ADDRESSES = {
  container: "10.0.2.100",
  mask: "255.255.255.0",
  gateway: "10.0.2.2",
  nameServer: "10.0.2.3",
} as const;

const FILES = { socket: "network.sock", log: "network.log" } as const;

/**
 * Makes the network namespace of an ordinary user's container, and starts the process that ties it to this machine's network. Within the private
 * mount namespace of a run, under the container's lock.
 *
 * @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED, UNSUPPORTED, ADDRESS_TAKEN, PERMISSION.
 */
export function joinUserNetwork(containers: string, record: ContainerRecord, tool: UserNetwork): JoinedNetwork {
  const { id, name } = record;
  const { ports = [], hardwareAddress } = record.configuration.endpoint ?? {};
  const program = requireHelper(tool);
  requireTunnels();
  const others = listHelperAttachments(containers).filter((other) => other.id !== id && isKept(other.keeper));
  const chosen = requireFreePorts(ports, others);
  mountNamespace(containers, id);
  const folder = path.join(containers, id);
  const { keeper, lifeline } = startHelper({
    tool,
    program,
    namespace: namespacePlace(containers, id),
    folder,
    pidFile: path.join(folder, "pid"),
    ...FILES,
    addresses: USER_ADDRESSES,
    ports: chosen,
    hardwareAddress,
  });
  const address = USER_ADDRESSES.container;
  writeAttachment(containers, { tool, id, name, address, ports: chosen, keeper });
  return { namespace: namespacePlace(containers, id), address, nameServer: USER_ADDRESSES.nameServer, lifeline };
}

/**
 * Ties a network namespace that ends afterwards to this machine's network, as a container's is.
 *
 * @param folder Empty, absolute. @returns The program. @throws VarveError as `joinUserNetwork`.
 */
export function tryUserNetwork(folder: string, tool: UserNetwork): string {
  const program = requireHelper(tool);
  requireTunnels();
  const id = "probe";
  mountNamespace(folder, id);
  try {
    const { keeper, lifeline } = startHelper({
      tool,
      program,
      namespace: namespacePlace(folder, id),
      folder,
      pidFile: path.join(folder, "pid"),
      ...FILES,
      addresses: USER_ADDRESSES,
      ports: [],
      hardwareAddress: undefined,
    });
    endHelper(keeper);
    closeDescriptor(lifeline);
    return program;
  } finally {
    unmountNamespace(folder, id);
  }
}

/** Ends what `joinUserNetwork` started; its ports are free afterwards. May be repeated. */
export function leaveUserNetwork(containers: string, { id, keeper }: HelperAttachment): void {
  endHelper(keeper);
  for (const name of Object.values(FILES)) rmSync(path.join(containers, id, name), { force: true });
}

const TUNNELS = "/dev/net/tun";

/** @throws VarveError UNSUPPORTED when this user can't make network devices. */
export function requireTunnels(): void {
  try {
    closeSync(openSync(TUNNELS, constants.O_RDWR));
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM", "ENOENT", "ENODEV", "ENXIO")) throw error;
    const isForbidden = hasCode(error, "EACCES", "EPERM");
    throw new VarveError(
      "UNSUPPORTED",
      `Cannot tie the container to a network: ${isForbidden ? `this user may not use ${TUNNELS}` : `there is no ${TUNNELS}`}`,
      {
        path: TUNNELS,
        hint: isForbidden ? `As root, run "chmod 666 ${TUNNELS}".` : 'As root, run "modprobe tun".',
        cause: error,
      },
    );
  }
}
