import { posix } from "node:path";
import type { ImageConfig } from "../model/commit.js";
import { DEFAULT_PATH } from "../isolation/default-path.js";
import { signalNumber } from "../isolation/signal-names.js";
import { readImageConfig } from "./read-image-config.js";
import { instructionPairs, instructionWords, unreadable } from "./instruction-words.js";

type Fields = Record<string, unknown>;

/** What an instruction is done to, and with. */
interface Change {
  /** The config's `config`, which it changes. */
  readonly fields: Fields;
  /** What stands after the instruction's name. */
  readonly text: string;
  /** Instructions that came before. */
  readonly done: ReadonlySet<string>;
}

/**
 * An image config after Dockerfile instructions, as docker's `--change` has them. The rest of it stays.
 *
 * @param config Of the commit that goes before; `undefined` when it has none.
 * @throws VarveError USAGE for an instruction that can't be read; SOURCE_INVALID for a config that can't.
 */
export function changeImageConfig(config: ImageConfig | undefined, instructions: readonly string[]): ImageConfig | undefined {
  if (instructions.length === 0) return config;
  readImageConfig(config);
  const fields: Fields = { ...((config?.["config"] ?? {}) as Fields) };
  const done = new Set<string>();
  for (const instruction of instructions) {
    const [, name = "", text = ""] = /^\s*([A-Za-z]+)(?:\s+(.*?))?\s*$/s.exec(instruction) ?? [];
    const upper = name.toUpperCase();
    const apply = Object.hasOwn(INSTRUCTIONS, upper) ? INSTRUCTIONS[upper] : undefined;
    if (apply === undefined) throw unreadable(instruction, `wanted one of ${Object.keys(INSTRUCTIONS).join(", ")}`);
    if (text === "") throw unreadable(instruction, `${upper} needs a value`);
    apply({ fields, text, done });
    done.add(upper);
  }
  return { ...(config ?? { os: "linux" }), config: fields };
}

const INSTRUCTIONS: Readonly<Record<string, (change: Change) => void>> = {
  CMD: ({ fields, text }) => {
    fields["Cmd"] = programOf(text);
  },
  // Docker's rule: a Cmd that was meant for another entrypoint goes.
  ENTRYPOINT: ({ fields, text, done }) => {
    fields["Entrypoint"] = programOf(text);
    if (!done.has("CMD")) delete fields["Cmd"];
  },
  ENV: ({ fields, text }) => {
    const variables = variablesOf(fields);
    for (const [name, value] of instructionPairs(text, valuesOf(fields))) variables.set(name, `${name}=${value}`);
    fields["Env"] = [...variables.values()];
  },
  LABEL: ({ fields, text }) => {
    fields["Labels"] = { ...objectOf(fields["Labels"]), ...Object.fromEntries(instructionPairs(text, valuesOf(fields))) };
  },
  EXPOSE: ({ fields, text }) => {
    const ports = instructionWords(text, valuesOf(fields)).flatMap((word) => portsOf(word, text));
    fields["ExposedPorts"] = { ...objectOf(fields["ExposedPorts"]), ...Object.fromEntries(ports.map((port) => [port, {}])) };
  },
  USER: ({ fields, text }) => {
    fields["User"] = oneWord(text, fields);
  },
  WORKDIR: ({ fields, text }) => {
    const before = typeof fields["WorkingDir"] === "string" ? fields["WorkingDir"] : "";
    fields["WorkingDir"] = posix.resolve("/", before, instructionWords(text, valuesOf(fields)).join(" "));
  },
  STOPSIGNAL: ({ fields, text }) => {
    const signal = oneWord(text, fields);
    if (signalNumber(signal) === undefined) throw unreadable(`STOPSIGNAL ${text}`, "there is no such signal");
    fields["StopSignal"] = signal;
  },
  VOLUME: ({ fields, text }) => {
    const places = listOf(text) ?? instructionWords(text, valuesOf(fields));
    fields["Volumes"] = { ...objectOf(fields["Volumes"]), ...Object.fromEntries(places.map((place) => [place, {}])) };
  },
};

/** A JSON list is the program's words; all else a line for the shell. */
function programOf(text: string): readonly string[] {
  return listOf(text) ?? ["/bin/sh", "-c", text];
}

function listOf(text: string): readonly string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((each) => typeof each === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

function oneWord(text: string, fields: Fields): string {
  const [word = "", extra] = instructionWords(text, valuesOf(fields));
  if (extra !== undefined || word === "") throw unreadable(text, "wanted one word");
  return word;
}

const HIGHEST_PORT = 65_535;

function portsOf(word: string, text: string): readonly string[] {
  const [, first, last = first, protocol = "tcp"] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === undefined || from < 1 || to > HIGHEST_PORT || to < from) {
    throw unreadable(`EXPOSE ${text}`, `"${word}" is no port, such as 80, 53/udp or 8000-8010`);
  }
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}/${protocol.toLowerCase()}`);
}

/** Each setting by its variable's name. */
function variablesOf(fields: Fields): Map<string, string> {
  const settings = (fields["Env"] ?? []) as readonly string[];
  return new Map(settings.map((setting) => [setting.split("=", 1)[0] ?? "", setting]));
}

/** What variables stand for in an instruction. A process has a PATH, whether or not the config sets one. */
function valuesOf(fields: Fields): ReadonlyMap<string, string> {
  const set = [...variablesOf(fields)].map(([name, setting]) => [name, setting.slice(name.length + 1)] as const);
  return new Map([["PATH", DEFAULT_PATH], ...set]);
}

function objectOf(value: unknown): Record<string, unknown> {
  return (value ?? {}) as Record<string, unknown>;
}
