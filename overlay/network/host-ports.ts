import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { PublishedPort } from "../../core/ports/endpoints.js";
import { hasCode } from "../../linux/errno.js";
import { tryPort } from "../../linux/listening-socket.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { parseAddress } from "./ipv4.js";
import type { StoredAttachment } from "./stored-attachment.js";

/** What is asked of other containers. */
type PortOwner = Pick<StoredAttachment, "id" | "name" | "ports">;

/** Where free ports are looked for: the kernel's own range for connections that leave. */
const FIRST_FREE = 32_768;
const LAST_FREE = 60_999;
const ATTEMPTS = 200;

/**
 * The ports to publish, with a free one where any will do. Under the lock of this machine's networks, so that no other command takes one meanwhile.
 *
 * @param others What other containers of this store have.
 * @throws VarveError ADDRESS_TAKEN, PERMISSION, USAGE.
 */
export function requireFreePorts(ports: readonly PublishedPort[], others: readonly PortOwner[]): readonly PublishedPort[] {
  const known = new Set(others.map(({ id }) => id));
  // An ordinary user may not read the rules.
  const foreign = ports.length === 0 || isInUserNamespace() ? [] : forwardedPorts().filter(({ id }) => !known.has(id));
  const chosen: PublishedPort[] = [];
  for (const port of ports) {
    const owner = (wanted: PublishedPort): string | undefined => ownerOf(wanted, chosen, others, foreign);
    chosen.push(port.hostPort === 0 ? anyPort(port, owner) : samePort(port, owner));
  }
  return chosen;
}

type Owner = (wanted: PublishedPort) => string | undefined;

function samePort(port: PublishedPort, owner: Owner): PublishedPort {
  const taken = owner(port) ?? obstacleOf(port);
  if (taken === undefined) return port;
  throw portTaken(port, taken);
}

function anyPort(port: PublishedPort, owner: Owner): PublishedPort {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const wanted = { ...port, hostPort: randomInt(FIRST_FREE, LAST_FREE + 1) };
    if (owner(wanted) === undefined && obstacleOf(wanted) === undefined) return wanted;
  }
  throw portTaken(port, "no free one was found");
}

function portTaken({ hostAddress, hostPort, protocol }: PublishedPort, state: string): VarveError {
  const address = hostAddress === "" ? "" : `${hostAddress}:`;
  return new VarveError("ADDRESS_TAKEN", `Cannot publish port ${address}${hostPort}/${protocol}: ${state}`, {
    hint: `Give another port of this machine; with -p PORT alone a free one is chosen. "ss -lnp" lists who has which.`,
  });
}

function ownerOf(
  wanted: PublishedPort,
  chosen: readonly PublishedPort[],
  others: readonly PortOwner[],
  foreign: readonly ForwardedPort[],
): string | undefined {
  if (chosen.some((port) => collide(port, wanted))) return "it is given twice";
  const owner = others.find(({ ports }) => ports.some((port) => collide(port, wanted)));
  if (owner !== undefined) return `container "${owner.name}" has it`;
  const forwarded = foreign.find(({ protocol, port }) => protocol === wanted.protocol && port === wanted.hostPort);
  return forwarded === undefined
    ? undefined
    : `a container of another store, or of podman, has it (${forwarded.id.slice(0, 12)})`;
}

function collide(a: PublishedPort, b: PublishedPort): boolean {
  const sameAddress = a.hostAddress === b.hostAddress || [a, b].some((port) => ["", "0.0.0.0"].includes(port.hostAddress));
  return a.protocol === b.protocol && a.hostPort === b.hostPort && sameAddress;
}

const FIRST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

function portRefused(port: number, protocol: string): VarveError {
  const first = existsSync(FIRST_PORT) ? readFileSync(FIRST_PORT, "latin1").trim() : "1024";
  return new VarveError("PERMISSION", `Cannot publish port ${port}/${protocol}: ports below ${first} are root's`, {
    hint: `Give another port of this machine, such as ${port + 8000}. Or, as root, run "sysctl net.ipv4.ip_unprivileged_port_start=${port}".`,
  });
}

/** Asks the kernel. @throws VarveError PERMISSION. */
function obstacleOf({ hostAddress, hostPort, protocol }: PublishedPort): string | undefined {
  try {
    tryPort(protocol, parseAddress(hostAddress) ?? 0, hostPort);
    return undefined;
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) return "a process of this machine has it";
    if (hasCode(error, "EADDRNOTAVAIL")) return "this machine has no such address";
    if (hasCode(error, "EACCES", "EPERM")) throw portRefused(hostPort, protocol);
    throw error;
  }
}

export interface ForwardedPort {
  readonly protocol: string;
  readonly port: number;
  /** Of the container that it leads to. */
  readonly id: string;
}

/** What netavark forwards by now, for whomever. */
function forwardedPorts(): readonly ForwardedPort[] {
  const iptables = findExecutable("iptables") ?? "iptables";
  const words = ["-w", "-t", "nat", "-S", "NETAVARK-HOSTPORT-DNAT"];
  const { status, stdout } = spawnSync(iptables, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], cwd: "/" });
  // Without such a chain nothing is forwarded.
  return status === 0 ? parseForwarded(stdout) : [];
}

/** @param text Rules, as `iptables -S` prints them. */
export function parseForwarded(text: string): readonly ForwardedPort[] {
  return text.split("\n").flatMap((line) => {
    const [, protocol = "", port] = / -p (tcp|udp) .*--dport (\d+)/.exec(line) ?? [];
    const [, id = ""] = / id: ([0-9a-f]+)"/.exec(line) ?? [];
    return port === undefined ? [] : [{ protocol, port: Number(port), id }];
  });
}
