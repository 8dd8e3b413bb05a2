/** What the processes of a container use together. Sums run from the start of its process. */
export interface ContainerUsage {
  readonly cpuNanoseconds: number;
  /** Without what of the page cache can be given back at once, as docker counts. */
  readonly memoryBytes: number;
  /** The container's limit, or the machine's memory where that is less. */
  readonly memoryLimitBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly processes: number;
  /** Absent with the machine's own network, which others use, too. */
  readonly network?: NetworkUsage;
}

export interface NetworkUsage {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}
