/** Docker's rule. A word that fits it is a volume's name, where a path could stand too. */
export const VOLUME_NAME: RegExp = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/;

/** A directory of the store's own that containers share, and that outlives them. No commit holds what is in it. */
export interface NamedVolume {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Nobody gave it its name, which is 64 hex digits: it was made for one container, or by `volume create` without a name. */
  readonly anonymous: boolean;
  /** Where it lies on this machine, absolute. */
  readonly path: string;
}

/** The volumes of a store. */
export interface Volumes {
  /**
   * Makes a volume, empty, or gives the one of that name as it is.
   * @throws VarveError BAD_NAME.
   */
  create(name: string, details?: Partial<Pick<NamedVolume, "labels" | "anonymous">>): NamedVolume;
  /** By name. */
  list(): readonly NamedVolume[];
  /** @throws VarveError TARGET_UNKNOWN. */
  find(name: string): NamedVolume;
  /** With all that is in it: nothing brings it back. One that is not there is no failure. */
  remove(name: string): void;
}
