/** A process of a container, as this machine sees it. */
export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  /** On the host. */
  readonly uid: number;
  readonly cpuMilliseconds: number;
  /** As it was started; its name alone where it tells no more. */
  readonly command: readonly string[];
}
