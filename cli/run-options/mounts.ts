import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Volume } from "../../core/ports/containers.js";
import type { Tmpfs } from "../../core/ports/isolation.js";
import { VOLUME_NAME } from "../../core/ports/volumes.js";
import type { OptionValues } from "../command.js";
import { bytesOf } from "../option-values.js";
import { mountFields } from "./mount-fields.js";

/** What a process sees beside its tree. */
export const MOUNT_OPTIONS = {
  volume: {
    type: "string",
    alias: "v",
    array: true,
    value: "[SRC:]DST[:OPTS]",
    describe:
      "Show SRC, a path of this machine or a volume's name, as DST; OPTS such as ro, nocopy, rslave. DST alone: a new volume without a name",
  },
  mount: {
    type: "string",
    array: true,
    value: "MOUNT",
    describe: "The same in words: type=bind|volume|tmpfs, src=, dst=, readonly, bind-propagation=, tmpfs-size=, …",
  },
  tmpfs: {
    type: "string",
    array: true,
    value: "PATH[:OPTS]",
    describe: "Give it an empty directory in memory, with options such as size=64m",
  },
  "shm-size": { type: "string", value: "SIZE", describe: "Size of /dev/shm (default: 64m)" },
} as const;

export interface ChosenMounts {
  readonly volumes: readonly Volume[];
  readonly tmpfs?: readonly Tmpfs[];
  readonly shmBytes?: number;
}

/** @throws VarveError USAGE, SOURCE_MISSING. */
export function mountsOf(given: OptionValues<typeof MOUNT_OPTIONS>): ChosenMounts {
  const mounts = [...given.volume.map(volumeOf), ...given.mount.map(mountOf), ...given.tmpfs.map(tmpfsOf)];
  requireDistinct(mounts);
  const volumes = mounts.filter((mount): mount is Volume => "source" in mount);
  const tmpfs = mounts.filter((mount): mount is Tmpfs => !("source" in mount));
  const shm = given["shm-size"];
  return {
    volumes,
    ...(tmpfs.length === 0 ? {} : { tmpfs }),
    ...(shm === undefined ? {} : { shmBytes: bytesOf("--shm-size", shm) }),
  };
}

type Flag = Partial<Volume>;

const FLAGS: Readonly<Record<string, Flag>> = {
  rw: { readOnly: false },
  ro: { readOnly: true },
  nocopy: { noCopy: true },
  private: { propagation: "private" },
  rprivate: { propagation: "rprivate" },
  slave: { propagation: "slave" },
  rslave: { propagation: "rslave" },
  // Labels of SELinux, which varve does not set, and caches of other systems.
  z: {},
  Z: {},
  cached: {},
  delegated: {},
  consistent: {},
};

function volumeOf(text: string): Volume {
  const option = `--volume "${text}"`;
  if (!text.includes(":")) return anonymousVolume({ destination: placeAlone(option, text), readOnly: false });
  const [source = "", destination = "", words, ...rest] = text.split(":");
  if (source === "" || destination === "" || words === "" || rest.length > 0) {
    throw usage(option, "wanted SRC:DST, or SRC:DST:ro", 'A path with a colon is given by --mount, as "type=bind,src=…,dst=…".');
  }
  let volume: Volume = { ...sourceOf(option, source), destination: placeOf(option, destination), readOnly: false };
  for (const word of (words ?? "rw").split(",")) {
    if (word === "shared" || word === "rshared") throw notShared(option);
    const flag = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    if (flag === undefined) throw usage(option, `"${word}" is none of ${Object.keys(FLAGS).slice(0, 7).join(", ")}`);
    volume = { ...volume, ...flag };
  }
  return fitting(option, volume);
}

/** One that nobody gives a name, nor ever meets under another container's. */
export function anonymousVolume(volume: Pick<Volume, "destination" | "readOnly" | "noCopy">): Volume {
  return { source: randomBytes(32).toString("hex"), ...volume, named: true, anonymous: true };
}

function placeAlone(option: string, place: string): string {
  if (place.startsWith("/")) return placeOf(option, place);
  throw usage(
    option,
    "wanted SRC:DST, or an absolute path within the container",
    "The one shows SRC, a path of this machine or a volume's name, as DST; the other makes a volume without a name.",
  );
}

/** A word without a slash is a volume's name, as for docker; `.` and `..` are directories. */
function sourceOf(option: string, source: string): Pick<Volume, "source" | "named"> {
  if (!source.includes("/") && source !== "." && source !== "..") return { source: volumeName(option, source), named: true };
  return { source: existing(source) };
}

function volumeName(option: string, name: string): string {
  if (VOLUME_NAME.test(name)) return name;
  throw usage(
    option,
    `"${name}" is no name of a volume: two or more letters, digits, "_", "." and "-", a letter or digit first`,
    `A path is told from a name by a slash, as in "./${name}".`,
  );
}

function existing(source: string): string {
  const place = path.resolve(source);
  if (existsSync(place)) return place;
  throw new VarveError("SOURCE_MISSING", `Cannot show "${source}" in the container: there is no such path on this machine`, {
    path: place,
    hint: "Make it first: varve does not, since a slip of the finger would become a directory.",
  });
}

function mountOf(text: string): Volume | Tmpfs {
  const option = `--mount "${text}"`;
  const fields = mountFields(text);
  const destination = placeOf(option, fields.text("destination", "dst", "target") ?? "");
  const type = fields.text("type") ?? "volume";
  const mount =
    type === "tmpfs"
      ? tmpfsFields(option, destination, fields)
      : type === "bind" || type === "volume"
        ? volumeFields(option, { type, destination }, fields)
        : undefined;
  if (mount === undefined) throw usage(option, `"${type}" is none of bind, volume and tmpfs`);
  fields.requireNone();
  return mount;
}

function volumeFields(
  option: string,
  { type, destination }: { readonly type: "bind" | "volume"; readonly destination: string },
  fields: ReturnType<typeof mountFields>,
): Volume {
  const source = fields.text("source", "src") ?? "";
  const common = { destination, readOnly: fields.isTrue("readonly", "ro") };
  if (type === "volume") {
    const volume = { ...common, ...(fields.isTrue("volume-nocopy") ? { noCopy: true } : {}) };
    return source === "" ? anonymousVolume(volume) : { source: volumeName(option, source), named: true, ...volume };
  }
  if (source === "") throw usage(option, "its source is missing", 'Give it as "src=…".');
  const propagation = fields.text("bind-propagation");
  if (propagation === "shared" || propagation === "rshared") throw notShared(option);
  const flag = propagation === undefined ? {} : Object.hasOwn(FLAGS, propagation) ? FLAGS[propagation] : undefined;
  if (flag === undefined || (propagation !== undefined && flag.propagation === undefined)) {
    throw usage(option, `"${propagation ?? ""}" is no propagation: wanted rprivate, private, rslave or slave`);
  }
  const recursive = fields.text("bind-recursive") ?? "enabled";
  if (!["enabled", "disabled"].includes(recursive)) throw usage(option, `"${recursive}" is neither enabled nor disabled`);
  const shallow = recursive === "disabled" || fields.isTrue("bind-nonrecursive");
  return { source: existing(source), ...common, ...flag, ...(shallow ? { shallow } : {}) };
}

function tmpfsFields(option: string, destination: string, fields: ReturnType<typeof mountFields>): Tmpfs {
  const [size, mode] = [fields.text("tmpfs-size"), fields.text("tmpfs-mode")];
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) throw usage(option, `"${mode}" is no mode, such as 1777`);
  const options = [
    ...(size === undefined ? [] : [`size=${bytesOf("--mount tmpfs-size", size)}`]),
    ...(mode === undefined ? [] : [`mode=${mode}`]),
    ...(fields.isTrue("readonly", "ro") ? ["ro"] : []),
  ];
  return { destination, options };
}

const TMPFS_WORDS = /^(ro|rw|(no)?(exec|suid|dev|atime|diratime)|relatime|strictatime|sync|async)$/;
const TMPFS_VALUES = /^(size=\d{1,15}[kmg%]?|mode=[0-7]{1,4}|[ug]id=\d{1,10}|nr_(inodes|blocks)=\d{1,15}[kmg]?)$/i;

function tmpfsOf(text: string): Tmpfs {
  const option = `--tmpfs "${text}"`;
  const colon = text.indexOf(":");
  const options = colon === -1 ? [] : text.slice(colon + 1).split(",");
  const strange = options.find((word) => !TMPFS_WORDS.test(word) && !TMPFS_VALUES.test(word));
  if (strange !== undefined)
    throw usage(option, `"${strange}" is no option of a tmpfs, such as size=64m, mode=1777, uid=1000 or exec`);
  return { destination: placeOf(option, colon === -1 ? text : text.slice(0, colon)), options };
}

function placeOf(option: string, place: string): string {
  if (!place.startsWith("/")) throw usage(option, `"${place}" is no absolute path within the container`);
  const resolved = path.posix.resolve(place);
  if (resolved === "/") throw usage(option, `wanted a place below the container's "/"`);
  return resolved;
}

function fitting(option: string, volume: Volume): Volume {
  if (volume.named === true && volume.propagation !== undefined)
    throw usage(option, "propagation is for paths of this machine, not for volumes");
  if (volume.named !== true && volume.noCopy === true)
    throw usage(option, "nocopy is for volumes, not for paths of this machine");
  return volume;
}

function requireDistinct(mounts: readonly { readonly destination: string }[]): void {
  const taken = new Set<string>();
  for (const { destination } of mounts) {
    if (taken.has(destination))
      throw new VarveError("USAGE", `Cannot mount on "${destination}": two of --volume, --mount and --tmpfs name it`);
    taken.add(destination);
  }
}

function usage(option: string, state: string, hint?: string): VarveError {
  return new VarveError("USAGE", `Cannot read ${option}: ${state}`, { hint });
}

function notShared(option: string): VarveError {
  return usage(
    option,
    "what a container mounts can't be seen outside of it, since its mounts live in a namespace of their own",
    "Use rslave, by which it sees what this machine mounts.",
  );
}
