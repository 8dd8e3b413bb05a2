/** How a container stands on a network: what a person asked for. */
export interface Endpoint {
  readonly ports?: readonly PublishedPort[];
  /** IPv4; a free one is chosen when it is absent. */
  readonly address?: string;
  /** Further names by which others on the network reach it. */
  readonly aliases?: readonly string[];
  /** `02:42:ac:11:00:02`. */
  readonly hardwareAddress?: string;
}

/** A port of this machine that leads to one of a container. */
export interface PublishedPort {
  /** IPv4; `""`: every address of this machine. */
  readonly hostAddress: string;
  /** 0: a free one is chosen at the start. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** What a container on a network has, while it runs. */
export interface Attachment {
  readonly network: string;
  readonly address: string;
  readonly ports: readonly PublishedPort[];
}

/** A host's name, in lower or upper case, of at most 63 characters a part. */
export const ALIAS: RegExp =
  /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?){0,7}$/;
export const HARDWARE_ADDRESS: RegExp = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/** `container:ID`: the network of another container. */
export const CONTAINER_NETWORK: RegExp = /^container:([0-9a-f]{12})$/;
