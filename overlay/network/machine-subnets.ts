import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { overlap, type Subnet } from "./ipv4.js";

/** What this machine has a route to, apart from the one that leads to everything else. */
export function machineSubnets(): readonly (Subnet & { readonly interfaceName: string })[] {
  return parseRoutes(readFileSync("/proc/thread-self/net/route", "utf8"));
}

/** @param text As the kernel's /proc/net/route has it: numbers in hex, their bytes in the order of this processor (little-endian). */
export function parseRoutes(text: string): readonly (Subnet & { readonly interfaceName: string })[] {
  const routes = text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .map(([interfaceName = "", destination = "", , , , , , mask = ""]) => ({
      interfaceName,
      base: swapped(destination),
      prefix: bitsOf(swapped(mask)),
    }));
  return routes.filter(({ prefix }) => prefix > 0);
}

function swapped(hex: string): number {
  return Buffer.from(hex.padStart(8, "0"), "hex").readUInt32LE();
}

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}

/** 10.90.0.0 to 10.127.255.0: not where docker (172.17 on) and podman (10.88, 10.89) begin to look. */
const POOL = { first: 10 * 2 ** 24 + 90 * 2 ** 16, count: 38 * 256 } as const;

/**
 * A free subnet of 254 addresses. Where the search begins is left to chance, so that stores that don't know of each other's networks seldom choose
 * the same.
 *
 * @returns `undefined` when all are taken.
 */
export function freeSubnet(taken: readonly Subnet[], begin: number = randomInt(POOL.count)): Subnet | undefined {
  for (let step = 0; step < POOL.count; step++) {
    const subnet = { base: POOL.first + ((begin + step) % POOL.count) * 256, prefix: 24 };
    if (!taken.some((other) => overlap(other, subnet))) return subnet;
  }
  return undefined;
}
