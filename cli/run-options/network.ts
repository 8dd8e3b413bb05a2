import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { ALIAS, HARDWARE_ADDRESS, type PublishedPort } from "../../core/ports/endpoints.js";
import { ANY_NETWORK, DEFAULT_NETWORK, isUserNetwork, NETWORK_NAME } from "../../core/ports/networks.js";
import type { OptionValues } from "../command.js";
import { EXPOSE_OPTIONS, exposedPorts, publishedByAll } from "./exposed-ports.js";
import { LAST_PORT, portRange } from "./port-range.js";

const PLACE_OPTIONS = {
  network: {
    type: "string",
    value: "none|host|bridge|pasta|NAME",
    offered: ["none", "host", "bridge", "pasta", "slirp4netns"],
    describe:
      "No network, this machine's, one of varve network, or container:NAME; without root pasta or slirp4netns (default: none; with -p or -P: bridge or pasta)",
  },
  publish: {
    type: "string",
    alias: "p",
    array: true,
    value: "[[IP:]HOST:]PORT[/udp]",
    describe: "Let HOST of this machine lead to its PORT; without HOST to a free one",
  },
  ip: { type: "string", value: "IP", describe: "Its address on the network (default: a free one)" },
  "network-alias": { type: "string", array: true, value: "NAME", describe: "A further name that others on the network know" },
  "mac-address": { type: "string", value: "MAC", describe: "Its hardware address on the network" },
} as const;

/** The options that say how a process reaches others, and they it: docker's names. */
export const NETWORK_OPTIONS: typeof PLACE_OPTIONS & typeof EXPOSE_OPTIONS = { ...PLACE_OPTIONS, ...EXPOSE_OPTIONS };

type NetworkValues = OptionValues<typeof NETWORK_OPTIONS>;

/** @param image The ports that the image names. @throws VarveError USAGE, UNSUPPORTED, SOURCE_INVALID. */
export function networkConfiguration(
  given: NetworkValues,
  image: readonly string[] = [],
): Pick<RunConfiguration, "network" | "endpoint" | "exposed"> {
  const { ip, "network-alias": aliases, "mac-address": mac, publish } = given;
  const publishes = publish.length > 0 || given["publish-all"];
  const network = networkOf(given.network ?? (publishes ? ANY_NETWORK : "none"));
  const isOwn = !["none", "host"].includes(network) && !network.startsWith("container:");
  const isNamed = isOwn && ![DEFAULT_NETWORK, ANY_NETWORK].includes(network) && !isUserNetwork(network);
  if (publishes && !isOwn) throw without(publish.length > 0 ? "-p" : "-P", network, "Without --network it gets one that has.");
  if (mac !== undefined && !isOwn) throw without("--mac-address", network, `Add --network ${ANY_NETWORK}.`);
  if (ip !== undefined && !isNamed) throw without("--ip", network, NAMED_HINT);
  if (aliases.length > 0 && !isNamed) throw without("--network-alias", network, NAMED_HINT);
  const exposed = exposedPorts(given, image);
  const named = publish.flatMap(portsOf);
  const ports = [...named, ...publishedByAll(given, exposed, named)];
  const endpoint = {
    ...(ports.length === 0 ? {} : { ports: distinct(ports) }),
    ...(ip === undefined ? {} : { address: addressOf("--ip", ip) }),
    ...(aliases.length === 0 ? {} : { aliases: aliases.map(aliasOf) }),
    ...(mac === undefined ? {} : { hardwareAddress: hardwareAddressOf(mac) }),
  };
  return {
    network,
    ...(Object.keys(endpoint).length === 0 ? {} : { endpoint }),
    ...(exposed.length === 0 ? {} : { exposed }),
  };
}

const NAMED_HINT = "Make a network (varve network create NAME), and give --network NAME.";

function without(option: string, network: string, hint: string): VarveError {
  return new VarveError("USAGE", `Cannot use ${option} with the network "${network}": it has no such thing`, { hint });
}

function networkOf(text: string): string {
  if (NETWORK_NAME.test(text) || /^container:./s.test(text)) return text;
  throw new VarveError(
    "USAGE",
    `Cannot read --network "${text}": wanted none, host, bridge, pasta, slirp4netns, a network's name, or container:NAME`,
  );
}

/** `[[IP:]HOST:]PORT[/tcp|/udp]`; HOST and PORT may be ranges of the same length. */
function portsOf(text: string): readonly PublishedPort[] {
  if (text.includes("["))
    throw new VarveError("UNSUPPORTED", `Cannot publish "${text}": networks of varve have IPv4 addresses alone`);
  const [, places = "", protocol = "tcp"] = /^([^/]+)(?:\/(tcp|udp))?$/i.exec(text) ?? [];
  const parts = places.split(":");
  const [container = "", host = "", address = ""] = parts.reverse();
  const inner = portRange(container);
  if (inner === undefined || parts.length > 3) throw unreadable(text);
  const outer = host === "" ? inner.map(() => 0) : portRange(host);
  if (outer?.length !== inner.length) throw unreadable(text);
  const hostAddress = address === "" ? "" : addressOf("-p", address);
  return inner.map((containerPort, at) => ({
    hostAddress,
    hostPort: outer[at]!,
    containerPort,
    protocol: protocol.toLowerCase() as PublishedPort["protocol"],
  }));
}

function unreadable(text: string): VarveError {
  return new VarveError(
    "USAGE",
    `Cannot read -p "${text}": wanted [[IP:]HOST:]PORT[/udp], such as 8080:80; ports are 1 to ${LAST_PORT}`,
  );
}

function distinct(ports: readonly PublishedPort[]): readonly PublishedPort[] {
  const taken = new Set<string>();
  for (const { hostAddress, hostPort, protocol } of ports) {
    const place = `${hostAddress}:${hostPort}/${protocol}`;
    if (hostPort !== 0 && taken.has(place))
      throw new VarveError("USAGE", `Cannot read -p: port ${hostPort}/${protocol} is given twice`);
    taken.add(place);
  }
  return ports;
}

function addressOf(option: string, text: string): string {
  const parts = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) ? text.split(".").map(Number) : [];
  if (parts.length === 4 && parts.every((part) => part <= 255)) return parts.join(".");
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted an IPv4 address, such as 127.0.0.1`);
}

function aliasOf(text: string): string {
  if (ALIAS.test(text)) return text;
  throw new VarveError("USAGE", `Cannot read --network-alias "${text}": wanted letters, digits, "_", "." and "-"`);
}

function hardwareAddressOf(text: string): string {
  const mac = text.toLowerCase().replaceAll("-", ":");
  // The lowest bit of the first byte means many receivers.
  if (HARDWARE_ADDRESS.test(mac) && (parseInt(mac.slice(0, 2), 16) & 1) === 0) return mac;
  throw new VarveError("USAGE", `Cannot read --mac-address "${text}": wanted six bytes of one device, such as 02:42:ac:11:00:02`);
}
