import { VarveError } from "../core/errors.js";
import { closestNames } from "../core/revision/closest-names.js";
import type { OptionTable } from "./command.js";
import { FOREIGN_OPTIONS } from "./foreign-words.js";

export interface NormalWords {
  /** Options as `--name` or `--name=value` alone, and positional words. */
  readonly words: readonly string[];
  /** What stands after `--`, as typed; `undefined` when there is none. */
  readonly rest: readonly string[] | undefined;
}

export interface Grammar {
  readonly options: OptionTable;
  /**
   * Whether the first word that is no option ends the options, and what follows it is the rest. `without-dashes`: only when no
   * `--` tells where they end, as in `run REV sh -c …`.
   */
  readonly stopAtWord: "always" | "never" | "without-dashes";
  /** The command's name, for messages; `undefined` before it is known. */
  readonly command: string | undefined;
}

/**
 * Joins each option with its value before yargs' parser reads the words. That alone takes no value that begins with a dash
 * (`-m "- a list"`), reads `-mTEXT` as four switches, and gives an option that it does not know to nobody.
 *
 * @throws VarveError USAGE: an unknown option, a value missing or not wanted.
 */
export function normalWords(typed: readonly string[], grammar: Grammar): NormalWords {
  const stop = grammar.stopAtWord === "always" || (grammar.stopAtWord === "without-dashes" && !typed.includes("--"));
  const words: string[] = [];
  for (let at = 0; at < typed.length; at += 1) {
    const word = typed[at] ?? "";
    if (word === "--") return { words, rest: typed.slice(at + 1) };
    if (word === "-" || !word.startsWith("-")) {
      words.push(word);
      if (stop) return { words, rest: at + 1 < typed.length ? typed.slice(at + 1) : undefined };
      continue;
    }
    const expanded = word.startsWith("--")
      ? longOption(word, typed[at + 1], grammar)
      : shortOptions(word, typed[at + 1], grammar);
    words.push(...expanded.words);
    if (expanded.tookNext) at += 1;
  }
  return { words, rest: undefined };
}

interface Expanded {
  readonly words: readonly string[];
  readonly tookNext: boolean;
}

function longOption(word: string, next: string | undefined, grammar: Grammar): Expanded {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals === -1 ? undefined : equals);
  const option = Object.hasOwn(grammar.options, name) ? grammar.options[name] : undefined;
  if (option === undefined) throw unknownOption(`--${name}`, grammar);
  if (option.type === "boolean") {
    if (equals === -1) return { words: [word], tookNext: false };
    throw usage(`Cannot read "${word}": --${name} takes no value`, grammar);
  }
  if (equals !== -1) return { words: [word], tookNext: false };
  if (option.alone !== undefined) return { words: [`${word}=${option.alone}`], tookNext: false };
  return withValue(name, word, next, grammar);
}

function shortOptions(word: string, next: string | undefined, grammar: Grammar): Expanded {
  const counted = Object.entries(grammar.options).find(([, { digits }]) => digits);
  if (counted !== undefined && /^-\d+$/.test(word)) return { words: [`--${counted[0]}=${word.slice(1)}`], tookNext: false };
  const words: string[] = [];
  const letters = Array.from(word.slice(1));
  for (const [index, letter] of letters.entries()) {
    const found = Object.entries(grammar.options).find(([, option]) => option.alias === letter);
    if (found === undefined) throw unknownOption(letters.length === 1 ? word : `-${letter}`, grammar, word);
    const [name, option] = found;
    if (option.type === "boolean") {
      words.push(`--${name}`);
      continue;
    }
    const attached = letters.slice(index + 1).join("");
    if (attached !== "") return { words: [...words, `--${name}=${attached.replace(/^=/, "")}`], tookNext: false };
    const { words: last, tookNext } = withValue(name, `-${letter}`, next, grammar);
    return { words: [...words, ...last], tookNext };
  }
  return { words, tookNext: false };
}

function withValue(name: string, typed: string, next: string | undefined, grammar: Grammar): Expanded {
  if (next === undefined || next === "--") throw usage(`Cannot read "${typed}": it needs a value`, grammar);
  return { words: [`--${name}=${next}`], tookNext: true };
}

function unknownOption(option: string, grammar: Grammar, within: string = option): VarveError {
  const known = Object.entries(grammar.options).flatMap(([name, { alias }]) => [`--${name}`, ...(alias ? [`-${alias}`] : [])]);
  const foreign = foreignHint(option, grammar);
  const near = option.startsWith("--") ? closestNames(option, known)[0] : undefined;
  const where = within === option ? "" : ` in "${within}"`;
  const guess = near === undefined ? "" : `Did you mean "${near}"? `;
  const called = callOf(grammar);
  return new VarveError("USAGE", `Cannot read "${option}"${where}: ${called} has no such option`, {
    hint: foreign ?? `${guess}See "${called} --help".`,
  });
}

function foreignHint(option: string, { command = "" }: Grammar): string | undefined {
  for (const about of [command, "*"]) {
    const known = Object.hasOwn(FOREIGN_OPTIONS, about) ? FOREIGN_OPTIONS[about] : undefined;
    if (known !== undefined && Object.hasOwn(known, option)) return known[option];
  }
  return undefined;
}

function usage(message: string, grammar: Grammar): VarveError {
  return new VarveError("USAGE", message, { hint: `See "${callOf(grammar)} --help".` });
}

function callOf({ command }: Grammar): string {
  return command === undefined ? "varve" : `varve ${command}`;
}
