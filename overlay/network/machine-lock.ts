import { closeSync, constants, openSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { tryLock } from "../../linux/lock.js";
import { pauseThread } from "../pause-thread.js";
import { systemFailure } from "../system-failure.js";

/** The same for all stores: bridges, addresses and firewall rules are the machine's. */
const LOCK = "/run/varve-network.lock";
const ATTEMPTS = 6000;
const PAUSE_MILLISECONDS = 10;

/**
 * Runs `work` alone among the commands that look at or change this machine's networks. Held by the kernel, so that a killed process never holds it.
 *
 * @throws VarveError IO when another one has it for a minute.
 */
export function aloneOnNetworks<T>(work: () => T): T {
  const descriptor = openLock();
  try {
    for (let attempt = 0; !tryLock(descriptor, "exclusive"); attempt++) {
      if (attempt >= ATTEMPTS) throw busy();
      pauseThread(PAUSE_MILLISECONDS);
    }
    return work();
  } finally {
    closeSync(descriptor);
  }
}

function openLock(): number {
  try {
    return openSync(LOCK, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw systemFailure("lock this machine's networks", error, LOCK);
  }
}

function busy(): VarveError {
  return new VarveError("IO", "Cannot change this machine's networks: another command has been doing so for a minute", {
    path: LOCK,
    hint: "Run the command again; if it stays so, look for a varve or netavark that hangs.",
  });
}
