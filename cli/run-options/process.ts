import { isIP } from "node:net";
import os from "node:os";
import { VarveError } from "../../core/errors.js";
import type { ImageProcess } from "../../core/image/read-image-config.js";
import { signalNumber } from "../../core/isolation/signal-names.js";
import type { Isolation, NameLookup } from "../../core/ports/isolation.js";
import type { OptionValues } from "../command.js";
import { wholeNumberOf } from "../option-values.js";
import { readText } from "./security.js";

/** What a process is started with. */
export const PROCESS_OPTIONS = {
  env: {
    type: "string",
    alias: "e",
    array: true,
    value: "NAME[=VALUE]",
    describe: "Set a variable; NAME alone takes varve's own",
  },
  "env-file": { type: "string", array: true, value: "FILE", describe: "Set the variables of a file, one a line" },
  user: {
    type: "string",
    alias: "u",
    value: "USER[:GROUP]",
    describe: "Run as USER, a name or a number (default: the image's, else root)",
  },
  "group-add": { type: "string", array: true, value: "GROUP", describe: "Give it a group more, by name or number" },
  label: { type: "string", alias: "l", array: true, value: "NAME[=VALUE]", describe: "Label the container" },
  "label-file": { type: "string", array: true, value: "FILE", describe: "Label it by the lines of a file" },
  init: { type: "boolean", describe: "Start it under an init (catatonit or tini), which reaps processes that it leaves" },
  "stop-signal": { type: "string", value: "SIGNAL", describe: "What varve stop sends (default: the image's, else SIGTERM)" },
  "stop-timeout": { type: "string", value: "SECONDS", describe: "How long varve stop waits before it kills (default: 10)" },
  "add-host": { type: "string", array: true, value: "NAME:ADDRESS", describe: "Add a line to /etc/hosts" },
  dns: { type: "string", array: true, value: "ADDRESS", describe: "Ask this name server" },
  "dns-search": { type: "string", array: true, value: "DOMAIN", describe: 'Look for short names in DOMAIN; "." is none' },
  "dns-option": { type: "string", array: true, value: "OPTION", describe: "Set an option of resolv.conf" },
} as const;

type ProcessValues = OptionValues<typeof PROCESS_OPTIONS>;

/** @throws VarveError USAGE, SOURCE_MISSING. */
export function processOf(given: ProcessValues, image: ImageProcess): Isolation {
  const { init, "group-add": groups } = given;
  const labels = { ...image.labels, ...labelsOf(given) };
  const stop = stopOf(given, image);
  const names = namesOf(given);
  return {
    ...(groups.length === 0 ? {} : { groups: groups.map((text) => wordOf("--group-add", text)) }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(init ? { init } : {}),
    ...(Object.keys(stop).length === 0 ? {} : { stop }),
    ...(Object.keys(names).length === 0 ? {} : { names }),
    ...(image.platform === undefined ? {} : { platform: image.platform }),
  };
}

/** The image's first, then those of files, then those of the command line: of two of a name the last one counts. */
export function environmentOf(given: ProcessValues, image: ImageProcess, own: NodeJS.ProcessEnv): readonly string[] {
  const ofFiles = given["env-file"].flatMap((file) =>
    linesOf("--env-file", file).flatMap((line) => variableOf(`--env-file "${file}"`, line, own)),
  );
  return [...image.environment, ...ofFiles, ...given.env.flatMap((variable) => variableOf("--env", variable, own))];
}

/** @param option For the message. @throws VarveError USAGE. */
export function variableOf(option: string, variable: string, environment: NodeJS.ProcessEnv): readonly string[] {
  const [name = ""] = variable.split("=", 1);
  if (name === "" || (option !== "--env" && /\s/.test(name))) {
    throw new VarveError("USAGE", `Cannot read ${option} "${variable}": wanted NAME=VALUE or NAME`);
  }
  if (variable.includes("=")) return [variable];
  const value = environment[variable];
  return value === undefined ? [] : [`${variable}=${value}`];
}

/** Without empty ones and comments, and without what stands before the first word of each. */
function linesOf(option: string, file: string): readonly string[] {
  const text = readText(option, file).replace(/^\ufeff/, "");
  if (/[\0\ufffd]/.test(text)) throw new VarveError("USAGE", `Cannot read ${option} "${file}": it is no text in UTF-8`);
  return text
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function labelsOf(given: ProcessValues): Readonly<Record<string, string>> {
  const lines = [...given["label-file"].flatMap((file) => linesOf("--label-file", file)), ...given.label];
  return Object.fromEntries(lines.map((line) => labelOf("--label", line)));
}

/** @throws VarveError USAGE. */
export function labelOf(option: string, line: string): readonly [name: string, value: string] {
  const equals = line.indexOf("=");
  if (line === "" || equals === 0) throw new VarveError("USAGE", `Cannot read ${option} "${line}": wanted NAME=VALUE or NAME`);
  return equals === -1 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}

function stopOf(given: ProcessValues, image: ImageProcess): NonNullable<Isolation["stop"]> {
  const [text, timeout] = [given["stop-signal"] ?? image.stopSignal, given["stop-timeout"]];
  const signal = text === undefined ? undefined : signalNumber(text);
  if (text !== undefined && signal === undefined) {
    throw new VarveError("USAGE", `Cannot stop by the signal "${text}": there is none such, wanted one such as SIGQUIT`);
  }
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeout === undefined ? {} : { seconds: wholeNumberOf("--stop-timeout", timeout) }),
  };
}

function namesOf(given: ProcessValues): NameLookup {
  const { "add-host": hosts, dns, "dns-search": search, "dns-option": options } = given;
  return {
    ...(hosts.length === 0 ? {} : { hosts: hosts.map(hostOf) }),
    ...(dns.length === 0 ? {} : { servers: dns.map(serverOf) }),
    ...(search.length === 0 ? {} : { search: search.map((text) => wordOf("--dns-search", text)) }),
    ...(options.length === 0 ? {} : { options: options.map((text) => wordOf("--dns-option", text)) }),
  };
}

/** `NAME:ADDRESS` or `NAME=ADDRESS`; one of IPv6 may stand in brackets. */
function hostOf(text: string): { readonly name: string; readonly address: string } {
  const [, name = "", given = ""] = /^([^\s:=]+)[:=](\S+)$/.exec(text) ?? [];
  const address = given.replace(/^\[(.*)\]$/, "$1");
  if (name !== "" && isIP(address) !== 0) return { name, address };
  throw new VarveError("USAGE", `Cannot read --add-host "${text}": wanted NAME:ADDRESS, such as db:10.0.0.7`);
}

function serverOf(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new VarveError("USAGE", `Cannot read --dns "${text}": wanted an IP address`);
}

function wordOf(option: string, text: string): string {
  if (/^\S+$/.test(text)) return text;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted one word`);
}

/** HOST_NAME_MAX of Linux. */
const LONGEST_HOSTNAME = 64;

/** The host name that a process sees. @param given What `--hostname` says. @param uts What `--uts` says, where it is shared. */
export function hostnameOf(given: string | undefined, container: string, uts: string | undefined): string {
  if (given !== undefined && uts !== undefined) {
    throw new VarveError(
      "USAGE",
      `Cannot set --hostname "${given}": with --uts the name is that of ${uts === "host" ? "this machine" : uts}`,
    );
  }
  if (uts === "host") return os.hostname();
  if (given === undefined) return container.slice(0, LONGEST_HOSTNAME);
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(given) && given.length <= LONGEST_HOSTNAME) return given;
  throw new VarveError(
    "USAGE",
    `Cannot use "${given}" as a host name: wanted at most ${LONGEST_HOSTNAME} letters, digits, "." and "-"`,
  );
}
