import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import {
  ANY_NETWORK,
  DEFAULT_NETWORK,
  NETWORK_NAME,
  USER_NETWORKS,
  type NetworkRecord,
  type NetworkRequest,
} from "../../core/ports/networks.js";
import { hasCode } from "../../linux/errno.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { formatAddress, formatSubnet, isMemberAddress, overlap, parseAddress, parseSubnet, sizeOf, type Subnet } from "./ipv4.js";
import { freeSubnet, machineSubnets } from "./machine-subnets.js";
import { formatNetwork, interfaceNameOf, parseNetwork } from "./stored-network.js";

const LARGEST_BYTES = 2 ** 16;
/** Names that mean something else. */
const RESERVED: readonly string[] = ["none", "host", ANY_NETWORK, "container", DEFAULT_NETWORK, ...USER_NETWORKS];

/** `<store>/networks`, which lies beside the containers. */
export function networksBeside(containers: string): string {
  return path.join(path.dirname(containers), "networks");
}

/** By name. @throws VarveError STORE_DAMAGED. */
export function listNetworks(folder: string): readonly NetworkRecord[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => readNetwork(folder, name.slice(0, -".json".length)) ?? []);
}

/** @throws VarveError STORE_DAMAGED. */
export function readNetwork(folder: string, name: string): NetworkRecord | undefined {
  if (!NETWORK_NAME.test(name)) return undefined;
  const file = path.join(folder, `${name}.json`);
  try {
    return parseNetwork(readRegularFile(file, { largest: LARGEST_BYTES }).toString("utf8"), file);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

export function removeNetworkFile(folder: string, { name }: NetworkRecord): void {
  rmSync(path.join(folder, `${name}.json`), { force: true });
}

/** The default network, which is made when it is first asked for. Under the lock of this machine's networks. */
export function defaultNetwork(folder: string): NetworkRecord {
  return readNetwork(folder, DEFAULT_NETWORK) ?? writeNetwork(folder, { name: DEFAULT_NETWORK, internal: false });
}

/** Under the lock of this machine's networks. @throws VarveError BAD_NAME, NAME_TAKEN, USAGE, ADDRESS_TAKEN. */
export function makeNetwork(folder: string, request: NetworkRequest): NetworkRecord {
  const { name } = request;
  if (!NETWORK_NAME.test(name) || RESERVED.includes(name)) throw badName(name);
  if (readNetwork(folder, name) !== undefined) {
    throw new VarveError("NAME_TAKEN", `Cannot make network "${name}": there is one of that name`, {
      hint: `"varve network ls" lists all. Remove it first: varve network rm ${name}`,
    });
  }
  return writeNetwork(folder, request);
}

function badName(name: string): VarveError {
  if (RESERVED.includes(name)) {
    return new VarveError("BAD_NAME", `Cannot make network "${name}": that name has a meaning of its own`, {
      hint: name === DEFAULT_NETWORK ? "It is made when a container first asks for it." : "Choose another one.",
    });
  }
  return new VarveError(
    "BAD_NAME",
    `Cannot name a network "${name}": letters, digits, "_", "." and "-" are allowed, a letter or digit first`,
  );
}

function writeNetwork(folder: string, request: NetworkRequest): NetworkRecord {
  const others = listNetworks(folder);
  const subnet = request.subnet === undefined ? chooseSubnet(request.name, others) : givenSubnet(request.subnet, others);
  const id = randomBytes(32).toString("hex");
  const record: NetworkRecord = {
    name: request.name,
    id,
    subnet: formatSubnet(subnet),
    gateway: formatAddress(gatewayOf(request.gateway, subnet)),
    interfaceName: interfaceNameOf(id),
    internal: request.internal,
    // As in docker, where containers on the default network don't know each other.
    dns: request.name !== DEFAULT_NETWORK,
    created: new Date().toISOString(),
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `${record.name}.json`);
  rmSync(`${file}.new`, { force: true });
  const descriptor = openSync(`${file}.new`, "wx", 0o600);
  try {
    writeFileSync(descriptor, formatNetwork(record));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${file}.new`, file);
  return record;
}

function chooseSubnet(name: string, others: readonly NetworkRecord[]): Subnet {
  const found = freeSubnet([...machineSubnets(), ...others.map(subnetOf)]);
  if (found !== undefined) return found;
  throw new VarveError("ADDRESS_TAKEN", `Cannot make network "${name}": no subnet is free between 10.90.0.0 and 10.127.255.0`, {
    hint: "Give one with --subnet.",
  });
}

export function subnetOf({ subnet }: NetworkRecord): Subnet {
  return parseSubnet(subnet)!;
}

function givenSubnet(text: string, others: readonly NetworkRecord[]): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined || subnet.prefix < 8 || subnet.prefix > 29) {
    throw new VarveError("USAGE", `Cannot read --subnet "${text}": wanted an IPv4 subnet of /8 to /29, such as 10.90.3.0/24`);
  }
  const owner = others.find((other) => overlap(subnetOf(other), subnet));
  if (owner !== undefined) throw subnetTaken(text, `network "${owner.name}" has ${owner.subnet}`);
  requireUnusedSubnet(text, subnet);
  return subnet;
}

/** @param ownInterface A device that may have it: the network's own. @throws VarveError ADDRESS_TAKEN. */
export function requireUnusedSubnet(text: string, subnet: Subnet, ownInterface?: string): void {
  const route = machineSubnets().find((other) => other.interfaceName !== ownInterface && overlap(other, subnet));
  if (route !== undefined)
    throw subnetTaken(text, `this machine reaches ${formatSubnet(route)} through "${route.interfaceName}"`);
}

function subnetTaken(text: string, state: string): VarveError {
  return new VarveError("ADDRESS_TAKEN", `Cannot use subnet ${text}: ${state}`, {
    hint: 'Make a network with another one: "varve network create NAME" chooses a free one.',
  });
}

function gatewayOf(text: string | undefined, subnet: Subnet): number {
  if (text === undefined) return subnet.base + 1;
  const address = parseAddress(text);
  if (
    address !== undefined &&
    address >= subnet.base &&
    address < subnet.base + sizeOf(subnet) &&
    isMemberAddress(subnet, address)
  )
    return address;
  throw new VarveError("USAGE", `Cannot read --gateway "${text}": wanted an address of ${formatSubnet(subnet)}`);
}
