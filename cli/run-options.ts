import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { RunConfiguration, Volume } from "../core/ports/containers.js";
import type { OptionValues } from "./command.js";
import { bytesOf, countOf, cpusOf } from "./option-values.js";
import { NETWORK_OPTIONS, networkConfiguration } from "./run-options/network.js";

const OWN_OPTIONS = {
  env: {
    type: "string",
    alias: "e",
    array: true,
    value: "NAME[=VALUE]",
    describe: "Set a variable; NAME alone takes varve's own",
  },
  workdir: { type: "string", alias: "w", value: "PATH", describe: "Start in PATH (default: /)" },
  user: { type: "string", alias: "u", value: "USER[:GROUP]", describe: "Run as USER, a name or a number (default: root)" },
  volume: { type: "string", alias: "v", array: true, value: "SRC:DST[:ro]", describe: "Show SRC of this machine as DST" },
  interactive: { type: "boolean", alias: "i", describe: "Pass stdin on" },
  tty: { type: "boolean", alias: "t", describe: "Give the process a terminal, and what is typed on it" },
  memory: { type: "string", value: "SIZE", describe: "At most SIZE of memory, such as 512m" },
  "pids-limit": { type: "string", value: "N", describe: "At most N processes" },
  cpus: { type: "string", value: "N", describe: "At most N processors, such as 1.5" },
  hostname: { type: "string", value: "NAME", describe: "The host name that it sees (default: the container's name)" },
  "read-only": { type: "boolean", describe: "Let it change nothing in its tree" },
} as const;

/** The options of `run` that say how the process is run: docker's names. */
export const RUN_OPTIONS: typeof OWN_OPTIONS & typeof NETWORK_OPTIONS = { ...OWN_OPTIONS, ...NETWORK_OPTIONS };

const { interactive: _interactive, tty: _tty, ...unattended } = RUN_OPTIONS;
/** Those of them that a process without a person before it has. */
export const UNATTENDED_RUN_OPTIONS: Omit<typeof RUN_OPTIONS, "interactive" | "tty"> = unattended;

/** @param environment What `-e NAME` takes its value from. @throws VarveError USAGE, SOURCE_MISSING. */
export function runConfiguration(
  options: OptionValues<typeof RUN_OPTIONS>,
  process: { readonly name: string; readonly command: readonly string[]; readonly environment: NodeJS.ProcessEnv },
): RunConfiguration {
  const { workdir = "/", memory, cpus, "pids-limit": processes } = options;
  return {
    command: process.command,
    environment: options.env.flatMap((variable) => variableOf(variable, process.environment)),
    workingDirectory: absolute("--workdir", workdir),
    user: options.user === undefined ? "" : userOf(options.user),
    hostname: options.hostname === undefined ? process.name.slice(0, LONGEST_HOSTNAME) : hostnameOf(options.hostname),
    ...networkConfiguration(options),
    terminal: options.tty,
    interactive: options.interactive,
    readOnly: options["read-only"],
    volumes: distinct(options.volume.map(volumeOf)),
    limits: {
      ...(memory === undefined ? {} : { memoryBytes: memoryOf(memory) }),
      ...(processes === undefined ? {} : { processes: processesOf(processes) }),
      ...(cpus === undefined ? {} : { cpus: cpusOf("--cpus", cpus) }),
    },
  };
}

/** A variable of a script that is not set must not make its process root. */
export function userOf(text: string): string {
  if (text !== "") return text;
  throw new VarveError("USAGE", 'Cannot read --user "": wanted a name or a number, such as 1000:1000');
}

export function variableOf(variable: string, environment: NodeJS.ProcessEnv): readonly string[] {
  if (variable === "" || variable.startsWith("=")) {
    throw new VarveError("USAGE", `Cannot read --env "${variable}": wanted NAME=VALUE or NAME`);
  }
  if (variable.includes("=")) return [variable];
  const value = environment[variable];
  return value === undefined ? [] : [`${variable}=${value}`];
}

/** What a runtime itself needs to start a process, as docker has it. */
const LEAST_MEMORY_BYTES = 6 * 1024 ** 2;

function memoryOf(text: string): number {
  const bytes = bytesOf("--memory", text);
  if (bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw new VarveError("USAGE", `Cannot read --memory "${text}": no process starts with so little, wanted 6m or more`);
}

/** PID_MAX_LIMIT of Linux. */
const MOST_PROCESSES = 4_194_304;

function processesOf(text: string): number {
  const count = countOf("--pids-limit", text);
  if (count <= MOST_PROCESSES) return count;
  throw new VarveError("USAGE", `Cannot read --pids-limit "${text}": wanted ${MOST_PROCESSES} at most, which is the kernel's`);
}

/** HOST_NAME_MAX of Linux. */
const LONGEST_HOSTNAME = 64;

function hostnameOf(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) && name.length <= LONGEST_HOSTNAME) return name;
  throw new VarveError(
    "USAGE",
    `Cannot use "${name}" as a host name: wanted at most ${LONGEST_HOSTNAME} letters, digits, "." and "-"`,
  );
}

function volumeOf(text: string): Volume {
  const [source = "", destination = "", mode = "rw", ...rest] = text.split(":");
  if (source === "" || destination === "" || !["ro", "rw"].includes(mode) || rest.length > 0) {
    throw new VarveError("USAGE", `Cannot read --volume "${text}": wanted SRC:DST or SRC:DST:ro`);
  }
  const target = absolute("--volume", destination);
  if (target === "/") throw new VarveError("USAGE", `Cannot read --volume "${text}": wanted a place below the container's "/"`);
  const place = path.resolve(source);
  if (!existsSync(place)) {
    throw new VarveError("SOURCE_MISSING", `Cannot show "${source}" in the container: there is no such path on this machine`, {
      path: place,
      hint: "Make it first: varve does not, since a slip of the finger would become a directory.",
    });
  }
  return { source: place, destination: target, readOnly: mode === "ro" };
}

function distinct(volumes: readonly Volume[]): readonly Volume[] {
  const taken = new Set<string>();
  for (const { destination } of volumes) {
    if (taken.has(destination)) throw new VarveError("USAGE", `Cannot read --volume: "${destination}" is given twice`);
    taken.add(destination);
  }
  return volumes;
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
