import type { Namespaces } from "../ports/isolation.js";

/** What the kernel keeps apart for each ipc namespace. */
const OF_IPC = [
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
];

/** Dots between parts; no part is a dot, so that a name leads nowhere else below /proc/sys. */
const NAME = /^[a-z0-9_-]+(\.[a-z0-9_*-]+)+$/i;

/**
 * Why a kernel setting can't be set for a container alone, as words that follow a colon; `undefined` when it can: one of all this machine's
 * processes is refused, as by docker.
 */
export function sysctlObstacle(
  name: string,
  { network, namespaces = {} }: { readonly network: string; readonly namespaces?: Namespaces | undefined },
): string | undefined {
  if (!NAME.test(name)) return "it is no name of a setting, such as net.ipv4.ip_forward";
  if (OF_IPC.includes(name) || name.startsWith("fs.mqueue.")) {
    return namespaces.ipc === undefined ? undefined : "it is that of the ipc namespace, which is shared";
  }
  if (name.startsWith("net.")) return network === "host" ? "it is that of the network, which is this machine's" : undefined;
  return "it is one of the whole machine's, and no container has it of its own";
}
