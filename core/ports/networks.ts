/** Docker's rule, so that every name is a file's, too. */
export const NETWORK_NAME: RegExp = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** The network that is made when a container first asks for it. Containers on it don't know each other's names, as in docker. */
export const DEFAULT_NETWORK = "bridge";

/** What a process that publishes ports gets when no network is named: a bridge, or for an ordinary user the first of `USER_NETWORKS` that is there. */
export const ANY_NETWORK = "default";

/**
 * The networks of an ordinary user's containers, by the programs that make them: each container has one of its own, which that program ties to this
 * machine's as any program of the user's is.
 */
export const USER_NETWORKS = ["pasta", "slirp4netns"] as const;
export type UserNetwork = (typeof USER_NETWORKS)[number];

export function isUserNetwork(name: string): name is UserNetwork {
  return (USER_NETWORKS as readonly string[]).includes(name);
}

/** A bridge of this machine that containers are tied to. */
export interface NetworkRecord {
  readonly name: string;
  /** 64 lower-case hex digits. */
  readonly id: string;
  /** IPv4, such as `10.90.3.0/24`. */
  readonly subnet: string;
  /** This machine's own address on it. */
  readonly gateway: string;
  /** What the bridge is called in this machine, 15 characters at most. */
  readonly interfaceName: string;
  /** Without a route out of this machine. Names of outside are looked up all the same, by this machine. */
  readonly internal: boolean;
  /** Whether its containers reach each other by name. */
  readonly dns: boolean;
  /** ISO 8601, UTC. */
  readonly created: string;
}

export interface NetworkStatus {
  readonly record: NetworkRecord;
  /** Who has which address on it now. */
  readonly members: readonly NetworkMember[];
}

export interface NetworkMember {
  /** The container's. */
  readonly id: string;
  readonly name: string;
  readonly address: string;
}

export interface NetworkRequest {
  readonly name: string;
  /** A free one is chosen when it is absent. */
  readonly subnet?: string | undefined;
  /** The subnet's first address when absent. */
  readonly gateway?: string | undefined;
  readonly internal: boolean;
}

/** The networks of a store. In the system nothing stands of one that no running container is on. */
export interface Networks {
  /** @throws VarveError BAD_NAME, NAME_TAKEN, USAGE; ADDRESS_TAKEN when this machine, or another network of the store, uses a part of the subnet. */
  create(request: NetworkRequest): NetworkRecord;
  /** By name. */
  list(): readonly NetworkStatus[];
  /** By name, id or an id's prefix. @throws VarveError TARGET_UNKNOWN. */
  find(nameOrId: string): NetworkStatus;
  /** @throws VarveError TARGET_UNKNOWN; CONTAINER_RUNNING while a container is on it. */
  remove(nameOrId: string): NetworkRecord;
}
