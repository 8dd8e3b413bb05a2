/** What a run needs to know of the network that its container stands on. */
export interface JoinedNetwork {
  /** A path of the network namespace, for the runtime. */
  readonly namespace: string;
  /** The container's own address; absent where the namespace is another container's. */
  readonly address?: string;
  /** Who answers names; this machine's own servers when absent. */
  readonly nameServer?: string;
  /** The file that another container, whose namespace it is, has for /etc/resolv.conf. */
  readonly resolver?: string;
  /** A descriptor: the network ends with all who hold it. For the caller to close. */
  readonly lifeline?: number;
}
