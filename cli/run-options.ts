import path from "node:path";
import { VarveError } from "../core/errors.js";
import { readImageConfig, type ImageProcess } from "../core/image/read-image-config.js";
import type { RunConfiguration } from "../core/ports/containers.js";
import type { OptionValues } from "./command.js";
import { LIMIT_OPTIONS, limitsOf, oomScoreOf } from "./run-options/limits.js";
import { MOUNT_OPTIONS, mountsOf } from "./run-options/mounts.js";
import { NETWORK_OPTIONS, networkConfiguration } from "./run-options/network.js";
import { environmentOf, hostnameOf, PROCESS_OPTIONS, processOf } from "./run-options/process.js";
import { SECURITY_OPTIONS, securityOf } from "./run-options/security.js";

const OTHER_OPTIONS = {
  workdir: { type: "string", alias: "w", value: "PATH", describe: "Start in PATH (default: the image's, else /)" },
  interactive: { type: "boolean", alias: "i", describe: "Pass stdin on" },
  tty: { type: "boolean", alias: "t", describe: "Give the process a terminal, and what is typed on it" },
  hostname: {
    type: "string",
    alias: "h",
    value: "NAME",
    describe: "The host name that it sees (default: the container's name)",
  },
  "read-only": { type: "boolean", describe: "Let it change nothing in its tree" },
} as const;

/** The options of `run` that say how the process is run: docker's names. */
export const RUN_OPTIONS: typeof PROCESS_OPTIONS &
  typeof MOUNT_OPTIONS &
  typeof SECURITY_OPTIONS &
  typeof OTHER_OPTIONS &
  typeof LIMIT_OPTIONS &
  typeof NETWORK_OPTIONS = {
  ...PROCESS_OPTIONS,
  ...MOUNT_OPTIONS,
  ...SECURITY_OPTIONS,
  ...OTHER_OPTIONS,
  ...LIMIT_OPTIONS,
  ...NETWORK_OPTIONS,
};

const { interactive: _interactive, tty: _tty, ...unattended } = RUN_OPTIONS;
/** Those of them that a process without a person before it has. */
export const UNATTENDED_RUN_OPTIONS: Omit<typeof RUN_OPTIONS, "interactive" | "tty"> = unattended;

const NO_IMAGE = readImageConfig(undefined);

/**
 * @param environment What `-e NAME` takes its value from. @param image What the commit's image config says, where options leave it open.
 * @throws VarveError USAGE, SOURCE_MISSING.
 */
export function runConfiguration(
  options: OptionValues<typeof RUN_OPTIONS>,
  process: {
    readonly name: string;
    readonly command: readonly string[];
    readonly environment: NodeJS.ProcessEnv;
    readonly image?: ImageProcess;
  },
): RunConfiguration {
  const { image = NO_IMAGE } = process;
  const { workdir = image.workingDirectory ?? "/", "oom-score-adj": oomScore } = options;
  const attached = networkConfiguration(options, image.exposedPorts);
  const security = securityOf(options, attached.network);
  return {
    command: process.command,
    environment: environmentOf(options, image, process.environment),
    workingDirectory: absolute("--workdir", workdir),
    user: options.user === undefined ? (image.user ?? "") : userOf(options.user),
    hostname: hostnameOf(options.hostname, process.name, security.namespaces?.uts),
    ...attached,
    terminal: options.tty,
    interactive: options.interactive,
    readOnly: options["read-only"],
    ...mountsOf(options),
    ...security,
    ...processOf(options, image),
    limits: limitsOf(options),
    ...(oomScore === undefined ? {} : { oomScoreAdjustment: oomScoreOf(oomScore) }),
  };
}

/** A variable of a script that is not set must not make its process root. */
export function userOf(text: string): string {
  if (text !== "") return text;
  throw new VarveError("USAGE", 'Cannot read --user "": wanted a name or a number, such as 1000:1000');
}

export function absolute(option: string, place: string): string {
  if (place.startsWith("/")) return path.posix.resolve(place);
  throw new VarveError("USAGE", `Cannot read ${option} "${place}": wanted an absolute path within the container`);
}

/** @throws VarveError USAGE. */
export function requireTerminal(wanted: boolean): void {
  if (!wanted || process.stdin.isTTY) return;
  throw new VarveError("USAGE", "Cannot give the process a terminal: stdin is none", {
    hint: "Leave out -t (or write -i in place of -it).",
  });
}
