import yargsParser, { type Arguments, type Options } from "yargs-parser";
import { VarveError } from "../core/errors.js";
import type { Command, Option, OptionTable } from "./command.js";
import { GLOBAL_OPTIONS } from "./global-options.js";
import { normalWords } from "./normal-words.js";

export interface ParsedWords {
  readonly words: readonly string[];
  readonly rest: readonly string[] | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Reads what was typed for a command, the options of all commands included.
 * @throws VarveError USAGE.
 */
export function parseWords(command: Command, typed: readonly string[]): ParsedWords {
  const options = optionsOf(command);
  const grammar = {
    options,
    stopAtWord: command.rest === "command" ? "without-dashes" : "never",
    command: command.name,
  } as const;
  const { words: normal, rest } = normalWords(typed, grammar);
  const parsed = parse(normal, options);
  const positional = parsed._.map(String);
  const values = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, valueOf(option, parsed[name])]));
  if (command.rest !== undefined || rest === undefined) return { words: positional, rest, options: values };
  return { words: [...positional, ...rest], rest: undefined, options: values };
}

/** @throws VarveError USAGE when a word is missing, or one is too many. */
export function requireWords(command: Command, given: readonly string[]): void {
  const missing = command.words.filter(({ required }) => required)[given.length];
  if (missing !== undefined) throw wordMissing(command, missing.name);
  const extra = given[command.words.length];
  if (extra !== undefined && command.words.at(-1)?.many !== true) throw wordTooMany(command, extra);
}

type NamedForm = Pick<Command, "name" | "form">;

/** For commands whose options tell which words they need. */
export function wordMissing(command: NamedForm, word: string): VarveError {
  return new VarveError("USAGE", `Cannot run varve ${command.name}: ${word} is missing`, { hint: formHint(command) });
}

export function wordTooMany(command: NamedForm, word: string): VarveError {
  return new VarveError("USAGE", `Cannot run varve ${command.name}: "${word}" is one word too many`, { hint: formHint(command) });
}

function formHint({ name, form }: NamedForm): string {
  return `The form is: varve ${name} ${form}`.trimEnd();
}

function optionsOf(command: Command): OptionTable {
  return { ...command.options, ...GLOBAL_OPTIONS };
}

/** yargs' parser alone: the rest of yargs prints, guesses and reads files, which is ours to do, and takes 5 ms of each start. */
function parse(words: readonly string[], options: OptionTable): Arguments {
  // Short forms were turned into long ones before.
  const named = (wanted: (option: Option) => boolean): string[] =>
    Object.entries(options).flatMap(([name, option]) => (wanted(option) ? [name] : []));
  return yargsParser([...words], {
    boolean: named(({ type }) => type === "boolean"),
    // Those that may be given more than once too: the parser's own arrays lose an empty last value.
    string: named(({ type }) => type !== "boolean"),
    configuration: CONFIGURATION,
  } satisfies Options);
}

const CONFIGURATION: NonNullable<Options["configuration"]> = {
  "boolean-negation": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "greedy-arrays": false,
  "parse-numbers": false,
  "parse-positional-numbers": false,
};

/** The last one counts where an option is given twice, as in git and docker. */
function valueOf({ type, array }: Option, value: unknown): unknown {
  if (array === true) return value === undefined ? [] : [value].flat().map(String);
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  if (type === "boolean") return last === true;
  return typeof last === "string" ? last : undefined;
}
