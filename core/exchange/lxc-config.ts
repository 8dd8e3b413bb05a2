import { VarveError } from "../errors.js";
import type { CommitId } from "../model/ids.js";
import { bytesOfText } from "../model/byte-string.js";
import { nodeAt } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import { commandOn, type ImageProcess } from "../image/read-image-config.js";

export interface LxcPlace {
  /** What LXC calls the container: the directory's own name. */
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
  /** As Go names it: `amd64`. */
  readonly architecture: string;
}

export interface LxcConfig {
  readonly text: string;
  /** What LXC's config can't hold of the image's, for people. */
  readonly losses: readonly string[];
}

/** Go's names of processors, as lxc.arch takes them: lxc_config_parse_arch() of LXC. It has no names of others. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  "386": "i686",
  amd64: "x86_64",
  arm: "armv7l",
  arm64: "aarch64",
  loong64: "loongarch64",
  mips64le: "mips64el",
  mipsle: "mipsel",
  ppc64le: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
};
/** What LXC's own templates include: capabilities, devices, system calls and mounts of a container of root. */
const COMMON = "/usr/share/lxc/config/common.conf";
const HOST_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const MOST_DATABASE_BYTES = 1 << 20;

/**
 * The config of an LXC container that runs a tree as its image's config says. Without a command there it starts the tree's own init.
 * @throws VarveError UNSUPPORTED for a directory whose name no line holds.
 */
export function lxcConfig(commit: CommitId | undefined, tree: Tree, image: ImageProcess, place: LxcPlace): LxcConfig {
  if (!isOneLine(place.directory)) throw noLine(place.directory);
  const losses: string[] = [];
  const lines = [
    ...(commit === undefined ? [] : [`# The tree of commit ${commit}.`]),
    `lxc.include = ${COMMON}`,
    `lxc.rootfs.path = dir:${place.directory}/rootfs`,
    `lxc.uts.name = ${HOST_NAME.test(place.name) ? place.name : "lxc"}`,
    ...architectureLines(image.platform?.architecture ?? place.architecture, losses),
    "# No network but its own loopback device.",
    "lxc.net.0.type = empty",
    ...environmentLines(image, losses),
    ...processLines(image, tree, losses),
  ];
  return { text: `${lines.join("\n")}\n`, losses };
}

function architectureLines(architecture: string, losses: string[]): readonly string[] {
  const known = ARCHITECTURES[architecture];
  if (known === undefined) losses.push(`LXC has no name for the architecture "${architecture}"`);
  return known === undefined ? [] : [`lxc.arch = ${known}`];
}

/** A value ends with its line, and blanks at that end are lost. */
function environmentLines({ environment }: ImageProcess, losses: string[]): readonly string[] {
  return environment.flatMap((setting) => {
    if (isOneLine(setting)) return [`lxc.environment = ${setting}`];
    losses.push(`the environment variable "${setting.slice(0, setting.indexOf("="))}" holds a line break, or ends with a blank`);
    return [];
  });
}

function processLines(image: ImageProcess, tree: Tree, losses: string[]): readonly string[] {
  const words = commandOn(image, { entrypoint: undefined, words: [] });
  const lines: string[] = [];
  // LXC takes words apart at blanks, whatever quotes stand round them.
  if (words.every((word) => /^\S+$/.test(word))) {
    if (words.length > 0) lines.push(`lxc.init.cmd = ${words.join(" ")}`);
  } else {
    losses.push("a word of the command is empty, or holds a blank: name the command to lxc-execute");
  }
  const { workingDirectory, stopSignal, user } = image;
  if (workingDirectory !== undefined && isOneLine(workingDirectory)) lines.push(`lxc.init.cwd = ${workingDirectory}`);
  else if (workingDirectory !== undefined) losses.push("the working directory's name holds a line break, or ends with a blank");
  if (stopSignal !== undefined && /^[A-Z0-9+-]+$/.test(stopSignal)) lines.push(`lxc.signal.halt = ${stopSignal}`);
  const ids = user === undefined ? undefined : idsOf(user, tree);
  if (ids !== undefined) lines.push(`lxc.init.uid = ${ids.uid}`, `lxc.init.gid = ${ids.gid}`);
  else if (user !== undefined) losses.push(`the tree knows no user "${user}"`);
  return lines;
}

function isOneLine(text: string): boolean {
  return !/[\r\n]|\s$/.test(text);
}

function noLine(directory: string): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot make an LXC container in "${directory}": its config can't hold such a name`, {
    path: directory,
    hint: "Name a directory without line breaks, that does not end with a blank.",
  });
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** Docker's `user[:group]`, by name or number. */
function idsOf(text: string, tree: Tree): Ids | undefined {
  const [user = "", group] = text.split(":");
  const account = rowsOf(tree, "etc/passwd").find(([name, , id]) => name === user || id === user);
  const uid = account === undefined ? numberOf(user) : numberOf(account[2]);
  const named =
    group === undefined ? undefined : rowsOf(tree, "etc/group").find(([name, , id]) => name === group || id === group);
  const gid = group === undefined ? (numberOf(account?.[3]) ?? 0) : numberOf(named?.[2] ?? group);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function rowsOf(tree: Tree, path: string): readonly (readonly string[])[] {
  const node = nodeAt(tree, bytesOfText(path));
  if (node === undefined || !("content" in node) || node.content.size > MOST_DATABASE_BYTES) return [];
  const bytes = Buffer.alloc(node.content.size);
  const reader = node.content.open();
  try {
    for (let at = 0; at < bytes.length;) {
      const count = reader.read(bytes.subarray(at), at);
      if (count === 0) break;
      at += count;
    }
  } finally {
    reader.close();
  }
  return bytes
    .toString("latin1")
    .split("\n")
    .map((row) => row.split(":"));
}
