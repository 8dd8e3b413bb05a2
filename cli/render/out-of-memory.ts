import type { ContainerRecord } from "../../core/ports/containers.js";
import { readableBytes } from "./quantities.js";

/** Says that the kernel killed a process of a container for want of memory. */
export function outOfMemory({ name, configuration: { limits } }: ContainerRecord): string {
  const limit = limits.memoryBytes === undefined ? "the machine's memory" : `its limit of ${readableBytes(limits.memoryBytes)}`;
  return `A process of ${name} was killed by the kernel: out of memory (${limit})`;
}
