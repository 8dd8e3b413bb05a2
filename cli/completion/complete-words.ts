import type { Command, Option, OptionTable, Word } from "../command.js";
import { ALIASES, COMMANDS } from "../command-table.js";
import { GLOBAL_OPTIONS } from "../global-options.js";
import { choicesOf, kindOf, type WordKind } from "./word-kinds.js";

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell adds by itself. */
  readonly files: "none" | "files" | "directories";
  /** Whether the word may go on behind a candidate: no space follows. */
  readonly isOpen: boolean;
}

/** Gives the names of a store, for the kinds that mean some. @param current What they begin with. */
export type FindNames = (kind: WordKind, current: string, store: string | undefined) => Promise<Completion>;

export const NOTHING: Completion = { candidates: [], files: "none", isOpen: false };

/**
 * What the last word of a command line may become.
 *
 * @param words What stands behind `varve`. The last one is being typed, and may be empty.
 */
export async function completeWords(words: readonly string[], findNames: FindNames): Promise<Completion> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const named = readWords(before, GLOBAL_OPTIONS, true);
  const store = storeOf(before);
  if (named.pending !== undefined) return ofName(named.pending, current, store, findNames);
  const name = before[named.end];
  if (name === undefined) return current.startsWith("-") ? optionsOf(GLOBAL_OPTIONS, current) : commands(current);
  const load = COMMANDS[ALIASES[name] ?? name]?.load;
  if (name === "help") return commands(current);
  return load === undefined ? NOTHING : ofCommand(await load(), before.slice(named.end + 1), current, store, findNames);
}

async function ofCommand(
  command: Command,
  before: readonly string[],
  current: string,
  store: string | undefined,
  findNames: FindNames,
): Promise<Completion> {
  const options: OptionTable = { ...command.options, ...GLOBAL_OPTIONS };
  const isCommandNext = command.rest === "command" && !before.includes("--");
  const { pending, positional, end } = readWords(before, options, false);
  const isInRest = before[end] === "--" || (isCommandNext && positional >= command.words.length);
  if (isInRest) return command.rest === undefined ? NOTHING : { ...NOTHING, files: "files" };
  if (pending !== undefined) return ofName(pending, current, store, findNames);
  const [, option, value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  if (option !== undefined && value !== undefined) {
    const found = await ofName(valueName(options[option]), value, store, findNames);
    return { ...found, candidates: found.candidates.map((each) => ({ ...each, value: `--${option}=${each.value}` })) };
  }
  if (current.startsWith("-")) return optionsOf(options, current);
  const found: Completion[] = [];
  for (const { name } of wordsAt(command.words, positional)) found.push(await ofName(name, current, store, findNames));
  return joined(found);
}

/** What may stand in a place: TARGET can be left out, and then what follows it stands there. */
function wordsAt(words: readonly Word[], place: number): readonly Word[] {
  const word = words[place] ?? (words.at(-1)?.many === true ? words.at(-1) : undefined);
  const next = word?.name === "TARGET" && !word.required ? words[place + 1] : undefined;
  return [word, next].flatMap((each) => each ?? []);
}

function joined(completions: readonly Completion[]): Completion {
  return {
    candidates: completions.flatMap(({ candidates }) => candidates),
    files: completions.find(({ files }) => files !== "none")?.files ?? "none",
    isOpen: completions.some(({ isOpen }) => isOpen),
  };
}

interface ReadWords {
  /** What the value is called that the last option waits for. */
  readonly pending: string | undefined;
  readonly positional: number;
  /** Where reading stopped: at `--`, at the first word, or behind the last. */
  readonly end: number;
}

function readWords(words: readonly string[], options: OptionTable, stopsAtWord: boolean): ReadWords {
  let pending: string | undefined;
  let positional = 0;
  for (const [index, word] of words.entries()) {
    if (pending !== undefined) pending = undefined;
    else if (word === "--") return { pending, positional, end: index };
    else if (word.startsWith("-") && word !== "-") pending = valueNameOf(word, options);
    else if (stopsAtWord) return { pending, positional, end: index };
    else positional += 1;
  }
  return { pending, positional, end: words.length };
}

/** The name of the value that comes as the next word. */
function valueNameOf(word: string, options: OptionTable): string | undefined {
  if (word.includes("=")) return undefined;
  const letter = word.startsWith("--") ? undefined : word.at(-1);
  const found = Object.entries(options).find(
    ([name, { alias }]) => word === `--${name}` || (letter !== undefined && alias === letter),
  );
  return found?.[1].type === "string" && found[1].alone === undefined ? valueName(found[1]) : undefined;
}

function valueName(option: Option | undefined): string {
  return option?.offered?.join("|") ?? option?.value ?? "";
}

function storeOf(words: readonly string[]): string | undefined {
  const at = words.lastIndexOf("--store");
  return at === -1 ? words.findLast((word) => word.startsWith("--store="))?.slice("--store=".length) : words[at + 1];
}

async function ofName(name: string, current: string, store: string | undefined, findNames: FindNames): Promise<Completion> {
  const choices = choicesOf(name);
  if (choices.length > 0)
    return {
      ...NOTHING,
      candidates: beginningWith(
        current,
        choices.map((value) => ({ value, description: "" })),
      ),
    };
  const kind = kindOf(name) ?? "free";
  if (kind === "free") return NOTHING;
  if (kind === "command") return commands(current);
  if (kind === "file" || kind === "directory") return { ...NOTHING, files: kind === "file" ? "files" : "directories" };
  return findNames(kind, current, store);
}

function commands(current: string): Completion {
  const rows = Object.entries(COMMANDS).map(([value, { summary }]) => ({ value, description: summary }));
  return { ...NOTHING, candidates: beginningWith(current, rows) };
}

function optionsOf(options: OptionTable, current: string): Completion {
  const rows = Object.entries(options).map(([name, { describe }]) => ({ value: `--${name}`, description: describe }));
  return { ...NOTHING, candidates: beginningWith(current, rows) };
}

export function beginningWith(current: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(current));
}
