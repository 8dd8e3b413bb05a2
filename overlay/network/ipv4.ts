/** A range of addresses: `10.90.3.0/24`. */
export interface Subnet {
  /** The first address, as a number. */
  readonly base: number;
  /** How many of its 32 bits are the network's. */
  readonly prefix: number;
}

/** `10.90.3.1` → a number of 32 bits. @returns `undefined` for other text. */
export function parseAddress(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((address, part) => address * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** @returns `undefined` for other text, and for an address within a subnet: `10.90.3.7/24`. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address = "", bits = ""] = /^([0-9.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const base = parseAddress(address);
  const prefix = Number(bits);
  if (base === undefined || bits === "" || prefix > 32 || base % sizeOf({ base, prefix }) !== 0) return undefined;
  return { base, prefix };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** How many addresses it has. */
export function sizeOf({ prefix }: Subnet): number {
  return 2 ** (32 - prefix);
}

/** Whether an address can be a member's: neither the network's own nor the one that means all. */
export function isMemberAddress(subnet: Subnet, address: number): boolean {
  return address > subnet.base && address < subnet.base + sizeOf(subnet) - 1;
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

/** @returns The lowest address that a member can have and nobody has. */
export function freeAddress(subnet: Subnet, taken: ReadonlySet<number>): number | undefined {
  for (let address = subnet.base + 1; isMemberAddress(subnet, address); address++) if (!taken.has(address)) return address;
  return undefined;
}
