import { readFileSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import type { JoinedNetwork } from "./joined-network.js";

/** What /etc/resolv.conf holds in a container on a network. */
export function nameServers({ nameServer, resolver }: JoinedNetwork): string {
  if (resolver !== undefined) return tryRead(resolver);
  if (nameServer !== undefined) return `nameserver ${nameServer}\n`;
  return reachableServers(tryRead("/etc/resolv.conf"));
}

/** A server that listens on this machine's loopback device alone is not to be reached from a container. */
export function reachableServers(text: string): string {
  const lines = text.split("\n").filter((line) => !/^\s*nameserver\s+(127\.|::1)/.test(line));
  return lines.join("\n");
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
