/** Linux's capabilities by number, from 0: linux/capability.h. */
export const CAPABILITIES: readonly string[] = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
  LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
  SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP
  MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

export const ALL_CAPABILITIES = "ALL";

/** Docker's fourteen. */
export const DEFAULT_CAPABILITIES: readonly string[] =
  `CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
  NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** A capability as people write it, `net_admin` or `CAP_NET_ADMIN`, or `ALL`. @returns `undefined` when there is none such. */
export function capabilityOf(text: string): string | undefined {
  const name = text.toUpperCase();
  if (name === ALL_CAPABILITIES) return name;
  const full = name.startsWith("CAP_") ? name : `CAP_${name}`;
  return CAPABILITIES.includes(full) ? full : undefined;
}

export interface CapabilityChoice {
  readonly added?: readonly string[] | undefined;
  readonly dropped?: readonly string[] | undefined;
  readonly privileged?: boolean | undefined;
}

/**
 * What a process's bounding set holds: docker's rule. `ALL` among what is added gives all but what is dropped by name; among what is dropped it
 * leaves nothing but what is added.
 *
 * @param available Those that the caller can give; `ALL` means them.
 */
export function boundingSet(
  { added = [], dropped = [], privileged = false }: CapabilityChoice,
  available: readonly string[],
): readonly string[] {
  if (privileged) return available;
  const start = added.includes(ALL_CAPABILITIES) ? available : dropped.includes(ALL_CAPABILITIES) ? [] : DEFAULT_CAPABILITIES;
  const kept = start.filter((name) => !dropped.includes(name));
  return [...new Set([...kept, ...added.filter((name) => name !== ALL_CAPABILITIES)])];
}

/** Names of the bits of a mask as /proc/PID/status shows it. */
export function capabilitiesOfMask(hexadecimal: string): readonly string[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}
