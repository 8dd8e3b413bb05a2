/**
 * What a process may do and see, beyond or below what every container has. Each part is left out where it is the default, so that records
 * written before it was known stay valid. Options are docker's of the same names.
 */
export interface Isolation {
  readonly security?: Security;
  readonly tmpfs?: readonly Tmpfs[];
  readonly devices?: readonly DeviceRequest[];
  readonly ulimits?: readonly Ulimit[];
  /** Values by name, such as `net.ipv4.ip_forward`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Supplementary groups, names or numbers, beside those that the user has. */
  readonly groups?: readonly string[];
  readonly names?: NameLookup;
  readonly namespaces?: Namespaces;
  readonly shmBytes?: number;
  /** An init is process 1: it starts the command, hands signals on to it, and reaps what it leaves. */
  readonly init?: boolean;
  readonly stop?: StopRequest;
  readonly labels?: Readonly<Record<string, string>>;
  /** What the image says of the machine it is for, as Go names it. */
  readonly platform?: { readonly os: string; readonly architecture: string };
}

export interface Security {
  /** `CAP_…`, or `ALL`. */
  readonly added?: readonly string[];
  readonly dropped?: readonly string[];
  /** All capabilities, devices and system calls; nothing of /proc and /sys is masked or read-only. */
  readonly privileged?: boolean;
  /** Filters no system call, or by a profile in docker's format, which is checked when it is used. */
  readonly seccomp?: "unconfined" | Readonly<Record<string, unknown>>;
  /** Whether setuid programs and file capabilities give what they say. */
  readonly newPrivileges?: boolean;
  /** Whether all of /proc and /sys is seen, and may be written to as far as capabilities reach. */
  readonly systemPaths?: boolean;
}

export interface Tmpfs {
  /** Absolute, within the container. */
  readonly destination: string;
  /** mount(8)'s, such as `size=64m`, `mode=1777`, `exec`. */
  readonly options: readonly string[];
}

export interface DeviceRequest {
  /** Absolute, on the host; a directory stands for all devices in it. */
  readonly source: string;
  readonly destination: string;
  /** Some of `rwm`: read, write, mknod. */
  readonly access: string;
}

export interface Ulimit {
  /** setrlimit(2)'s, such as `nofile`. */
  readonly name: string;
  /** -1: no limit. */
  readonly soft: number;
  readonly hard: number;
}

export interface NameLookup {
  /** Lines of /etc/hosts. */
  readonly hosts?: readonly { readonly name: string; readonly address: string }[];
  readonly servers?: readonly string[];
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** `host`, or `container:NAME`. */
export interface Namespaces {
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
}

export interface StopRequest {
  /** The number of the signal that asks the process to end. */
  readonly signal?: number;
  readonly seconds?: number;
}
