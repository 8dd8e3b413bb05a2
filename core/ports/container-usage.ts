/**
 * What the processes of a container use together. Sums run from the start of its process. What nobody counts is `undefined`: all but the network where a
 * container has no cgroup of its own, such as an ordinary user's, and what a machine has no controller for.
 */
export interface ContainerUsage {
  readonly cpuNanoseconds: number | undefined;
  /** Without what of the page cache can be given back at once, as docker counts. */
  readonly memoryBytes: number | undefined;
  /** The container's limit, or the machine's memory where that is less. */
  readonly memoryLimitBytes: number | undefined;
  readonly readBytes: number | undefined;
  readonly writtenBytes: number | undefined;
  readonly processes: number | undefined;
  /** Absent with the machine's own network, which others use, too. */
  readonly network?: NetworkUsage;
}

export interface NetworkUsage {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}
