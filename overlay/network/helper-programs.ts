import { VarveError } from "../../core/errors.js";
import type { PublishedPort } from "../../core/ports/endpoints.js";
import { USER_NETWORKS, type UserNetwork } from "../../core/ports/networks.js";
import { findExecutable } from "../rootfs/executable-search.js";

/** What Debian and others call the packages. */
export const HELPER_PACKAGES: Readonly<Record<UserNetwork, string>> = { pasta: "passt", slirp4netns: "slirp4netns" };

/** @returns Its absolute path; `undefined` when this machine has none. */
export function findHelper(tool: UserNetwork): string | undefined {
  return findExecutable(tool);
}

/** The one that an ordinary user's containers get when none is named: the first that is installed. */
export function preferredHelper(): UserNetwork {
  return USER_NETWORKS.find((tool) => findHelper(tool) !== undefined) ?? USER_NETWORKS[0];
}

/** @throws VarveError RUNTIME_MISSING. */
export function requireHelper(tool: UserNetwork): string {
  const found = findHelper(tool);
  if (found !== undefined) return found;
  const other = USER_NETWORKS.find((each) => each !== tool && findHelper(each) !== undefined);
  const instead = `--network ${[...(other === undefined ? [] : [other]), "none", "host"].join(", or ")}`;
  throw new VarveError("RUNTIME_MISSING", `Cannot tie the container to the network "${tool}": there is no ${tool}(1)`, {
    hint: `Install the package "${HELPER_PACKAGES[tool]}", such as with "apt-get install ${HELPER_PACKAGES[tool]}", or use ${instead}.`,
  });
}

export interface HelperAddresses {
  readonly container: string;
  readonly mask: string;
  readonly gateway: string;
  readonly nameServer: string;
}

export interface HelperWords {
  /** A path of the network namespace. */
  readonly place: string;
  readonly addresses: HelperAddresses;
  readonly ports: readonly PublishedPort[];
  readonly hardwareAddress: string | undefined;
  /** Where slirp4netns is told of ports, relative to its working directory. */
  readonly socket: string;
}

/** What the device is called in containers, as on bridges. */
const DEVICE = "eth0";

/**
 * The words after the program's name. Neither program leads the container to this machine's loopback device. pasta takes the ports here;
 * slirp4netns is told of them when it runs. It tells on descriptor 3 that it is ready.
 */
export function helperWords(tool: UserNetwork, { place, addresses, ports, hardwareAddress, socket }: HelperWords): string[] {
  if (tool === "slirp4netns") {
    return [
      ...["--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp"],
      ...["--netns-type=path", "--ready-fd=3", `--api-socket=${socket}`],
      ...(hardwareAddress === undefined ? [] : [`--macaddress=${hardwareAddress}`]),
      ...[place, DEVICE],
    ];
  }
  return [
    ...["--config-net", "--quiet", "--ipv4-only", "--ns-ifname", DEVICE],
    // Nothing but the ports that are given, and neither way between the loopback devices, which it would make by itself.
    ...["--no-map-gw", "--tcp-ns", "none", "--udp-ns", "none"],
    ...["--address", addresses.container, "--netmask", addresses.mask, "--gateway", addresses.gateway],
    ...["--dns-forward", addresses.nameServer],
    ...(hardwareAddress === undefined ? [] : ["--ns-mac-addr", hardwareAddress]),
    ...portWords("--tcp-ports", "tcp", ports),
    ...portWords("--udp-ports", "udp", ports),
    ...["--netns", place],
  ];
}

function portWords(option: string, protocol: PublishedPort["protocol"], ports: readonly PublishedPort[]): string[] {
  const words = ports
    .filter((port) => port.protocol === protocol)
    .flatMap(({ hostAddress, hostPort, containerPort }) => [
      option,
      `${hostAddress === "" ? "" : `${hostAddress}/`}${hostPort}:${containerPort}`,
    ]);
  return words.length === 0 ? [option, "none"] : words;
}
