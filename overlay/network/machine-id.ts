import { readFileSync, statSync } from "node:fs";

/** Where bridges and firewall rules are made: this boot of the machine, and the network namespace that we stand in. After a reboot they are gone. */
export interface NetworkMachine {
  readonly boot: string;
  /** The namespace's inode number. */
  readonly namespace: number;
}

export function networkMachine(): NetworkMachine {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return { boot, namespace: statSync("/proc/thread-self/ns/net").ino };
}

export function isSameMachine(a: NetworkMachine, b: NetworkMachine): boolean {
  return a.boot === b.boot && a.namespace === b.namespace;
}
