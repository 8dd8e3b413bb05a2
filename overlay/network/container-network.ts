import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import { CONTAINER_NETWORK, type Attachment } from "../../core/ports/endpoints.js";
import { ANY_NETWORK, DEFAULT_NETWORK, isUserNetwork, type NetworkRecord, type UserNetwork } from "../../core/ports/networks.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { preferredHelper } from "./helper-programs.js";
import { requireFreePorts } from "./host-ports.js";
import { freeAddress, formatAddress, isMemberAddress, parseAddress } from "./ipv4.js";
import type { JoinedNetwork } from "./joined-network.js";
import { isSameMachine, networkMachine } from "./machine-id.js";
import { aloneOnNetworks } from "./machine-lock.js";
import { netavarkState, requireNetworkTools, runNetavark } from "./netavark.js";
import { defaultNetwork, networksBeside, readNetwork, requireUnusedSubnet, subnetOf } from "./network-files.js";
import { mountNamespace, namespacePlace, unmountNamespace, withNamespace, withPassingNamespace } from "./network-namespace.js";
import {
  forgetAttachment,
  hasAttachment,
  isHelped,
  listAttachments,
  readAttachment,
  writeAttachment,
  type StoredAttachment,
} from "./stored-attachment.js";
import { joinUserNetwork, leaveUserNetwork } from "./user-network.js";

/**
 * Makes a container's network namespace, ties it to the container's network, and publishes its ports. Within the private mount namespace of a run, under
 * the container's lock. `tearDownNetwork` takes back what this made, or half made.
 *
 * @param containers The containers' directory, absolute.
 * @param processOf The pid of the first process of another container.
 * @returns `undefined` for a container without one of ours: `none`, `host`.
 * @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED, TARGET_UNKNOWN, ADDRESS_TAKEN, CONTAINER_STOPPED, UNSUPPORTED, PERMISSION, USAGE.
 */
export function setUpNetwork(
  containers: string,
  record: ContainerRecord,
  processOf: (id: string) => number | undefined,
): JoinedNetwork | undefined {
  const { network } = record.configuration;
  if (network === "none" || network === "host") return undefined;
  const [, other] = CONTAINER_NETWORK.exec(network) ?? [];
  if (other !== undefined) return shareNetwork(containers, other, processOf);
  const isUser = isInUserNamespace();
  const wanted = network === ANY_NETWORK ? (isUser ? preferredHelper() : DEFAULT_NETWORK) : network;
  if (isUserNetwork(wanted)) {
    if (!isUser) throw helperRefused(wanted);
    return joinUserNetwork(containers, record, wanted);
  }
  if (isUser) throw bridgeRefused(wanted);
  return joinNetwork(containers, record, wanted);
}

/** A bridge, and what leads from it to the world, are the machine's. */
function bridgeRefused(network: string): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot tie the container to the network "${network}": only root can make one`, {
    hint: `Give --network ${preferredHelper()}, --network host or --network none, or run the command as root.`,
  });
}

function helperRefused(network: UserNetwork): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot tie the container to the network "${network}": it is for ordinary users alone`, {
    hint: `Root has bridges: give --network ${DEFAULT_NETWORK}, or a network of "varve network".`,
  });
}

function shareNetwork(containers: string, other: string, processOf: (id: string) => number | undefined): JoinedNetwork {
  const pid = processOf(other);
  const address = readAttachment(containers, other)?.address;
  if (pid !== undefined) {
    const resolver = path.join(containers, other, "etc/resolv.conf");
    return { namespace: `/proc/${pid}/ns/net`, resolver, ...(address === undefined ? {} : { address }) };
  }
  throw new VarveError("CONTAINER_STOPPED", `Cannot use the network of container ${other}: it does not run`, {
    hint: `Start it first: varve start ${other}`,
  });
}

function joinNetwork(containers: string, record: ContainerRecord, name: string): JoinedNetwork {
  const folder = networksBeside(containers);
  return aloneOnNetworks(() => {
    const network = wantedNetwork(folder, name);
    const tools = requireNetworkTools(network);
    requireUnusedSubnet(network.subnet, subnetOf(network), network.interfaceName);
    const attachment = plannedAttachment(containers, record, network);
    mountNamespace(containers, record.id);
    writeAttachment(containers, attachment);
    const state = netavarkState(folder, attachment.machine);
    withNamespace(containers, record.id, (namespace) => runNetavark("setup", tools, { attachment, state, namespace }));
    return {
      namespace: namespacePlace(containers, record.id),
      address: attachment.address,
      ...(network.dns ? { nameServer: network.gateway } : {}),
    };
  });
}

function wantedNetwork(folder: string, name: string): NetworkRecord {
  const network = name === DEFAULT_NETWORK ? defaultNetwork(folder) : readNetwork(folder, name);
  if (network !== undefined) return network;
  throw new VarveError("TARGET_UNKNOWN", `Cannot find network "${name}": there is none by that name`, {
    hint: `"varve network ls" lists all. Make it with: varve network create ${name}`,
  });
}

function plannedAttachment(
  containers: string,
  { id, name, configuration: { endpoint = {} } }: ContainerRecord,
  network: NetworkRecord,
): StoredAttachment {
  const machine = networkMachine();
  const others = listAttachments(containers).filter((other) => other.id !== id && isSameMachine(other.machine, machine));
  const { aliases = [], hardwareAddress, ports = [] } = endpoint;
  return {
    machine,
    id,
    name,
    network,
    address: addressFor(network, endpoint.address, others),
    aliases,
    ...(hardwareAddress === undefined ? {} : { hardwareAddress }),
    ports: requireFreePorts(ports, others),
  };
}

function addressFor(network: NetworkRecord, wanted: string | undefined, others: readonly StoredAttachment[]): string {
  const subnet = subnetOf(network);
  const members = others.filter((other) => other.network.id === network.id);
  if (wanted === undefined) {
    const taken = new Set([network.gateway, ...members.map(({ address }) => address)].map((text) => parseAddress(text)!));
    const address = freeAddress(subnet, taken);
    if (address !== undefined) return formatAddress(address);
    throw addressTaken(`any address of network "${network.name}"`, `all of ${network.subnet} are taken`);
  }
  const owner = members.find(({ address }) => address === wanted)?.name;
  if (owner !== undefined) throw addressTaken(wanted, `container "${owner}" has it`);
  if (wanted === network.gateway) throw addressTaken(wanted, "it is this machine's own on that network");
  const number = parseAddress(wanted);
  if (number !== undefined && isMemberAddress(subnet, number)) return wanted;
  throw new VarveError("USAGE", `Cannot use --ip ${wanted}: network "${network.name}" has ${network.subnet}`);
}

function addressTaken(what: string, state: string): VarveError {
  return new VarveError("ADDRESS_TAKEN", `Cannot give the container ${what}: ${state}`, {
    hint: "Leave --ip out, and a free one is chosen; a network with a larger --subnet has more.",
  });
}

/**
 * Takes a container off its network: addresses, names, published ports and, with its last container, the bridge. No process of it runs any more. May be
 * repeated, and does nothing for one that is on none.
 *
 * @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED. Then the next call tries it again.
 */
export function tearDownNetwork(containers: string, id: string): void {
  const found = hasAttachment(containers, id) ? readAttachment(containers, id) : undefined;
  if (found !== undefined && isHelped(found)) {
    leaveUserNetwork(containers, found);
    forgetAttachment(containers, id);
  } else if (hasAttachment(containers, id)) leaveBridge(containers, id);
  unmountNamespace(containers, id);
}

function leaveBridge(containers: string, id: string): void {
  aloneOnNetworks(() => {
    const attachment = readAttachment(containers, id);
    if (attachment !== undefined && !isHelped(attachment) && isSameMachine(attachment.machine, networkMachine()))
      takeDown(containers, attachment);
    // Of another boot, or of a network namespace that is not ours to change: with that it went, or goes.
    forgetAttachment(containers, id);
  });
}

/** What could not be taken down now: the next command that looks at the container tries it again. */
export function isNetworkTrouble(error: unknown): boolean {
  return error instanceof VarveError && ["RUNTIME_MISSING", "RUNTIME_FAILED"].includes(error.code);
}

/** What a running container has; `undefined` for one that is on no network of ours. */
export function attachmentTo(containers: string, id: string): Attachment | undefined {
  const found = readAttachment(containers, id);
  if (found === undefined) return undefined;
  return { network: isHelped(found) ? found.tool : found.network.name, address: found.address, ports: found.ports };
}

function takeDown(containers: string, attachment: StoredAttachment): void {
  const tools = requireNetworkTools({ dns: false });
  const state = netavarkState(networksBeside(containers), attachment.machine);
  if (existsSync(namespacePlace(containers, attachment.id))) {
    try {
      return withNamespace(containers, attachment.id, (namespace) =>
        runNetavark("teardown", tools, { attachment, state, namespace }),
      );
    } catch (error) {
      // Half made: the rest is done as if the namespace were gone.
      if (!(error instanceof VarveError)) throw error;
    } finally {
      unmountNamespace(containers, attachment.id);
    }
  }
  // The namespace went with a run that was killed. netavark gives up where a device is missing, before it removes the bridge: so it gets what it expects.
  withPassingNamespace((namespace) => {
    runNetavark("setup", tools, { attachment, state, namespace });
    runNetavark("teardown", tools, { attachment, state, namespace });
  });
}
