import type { Repository } from "../core/ports/repository.js";
import type { Terminal } from "./terminal.js";

/** One option of a command. Numbers come as strings: commands read them, to say what is wrong in our words. */
export interface Option {
  readonly type: "boolean" | "string";
  /** One letter. */
  readonly alias?: string;
  /** A number may stand for it: `-5`. */
  readonly digits?: true;
  /** May be given several times. */
  readonly array?: true;
  /** What its value is called in help: `BRANCH`. Only for strings. */
  readonly value?: string;
  /** What the shell offers for it, where help has no room for all of it. Only for strings. */
  readonly offered?: readonly string[];
  /** What it is without a value: one then comes after `=` alone, as in `--color=never`. Only for strings. */
  readonly alone?: string;
  readonly describe: string;
}

export type OptionTable = Readonly<Record<string, Option>>;

/** What the options of a table come as. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name]["type"] extends "boolean"
    ? boolean
    : Table[Name] extends { array: true }
      ? readonly string[]
      : string | undefined;
};

export interface Invocation<Table extends OptionTable = OptionTable> {
  /** The words that are no options, in order. As many as the command allows. */
  readonly words: readonly string[];
  /** What stood after `--`: `undefined` when there was none. */
  readonly rest: readonly string[] | undefined;
  readonly options: OptionValues<Table>;
  readonly session: Session;
}

/** What one call of varve has, whatever the command. */
export interface Session {
  readonly terminal: Terminal;
  /** --json */
  readonly json: boolean;
  /** --store */
  readonly store: string | undefined;
  /** --at-op */
  readonly atOperation?: string | undefined;
  /** The command as typed, without the options that all commands have: the operation log keeps it. */
  readonly typed: string;
  /** Stores that the call has opened so far: what a failure in one of them touches is looked up there. */
  readonly opened: Repository[];
  /** What takes back what the call made for its work alone, such as a store, when the work fails. */
  readonly takeBack: (() => Promise<void>)[];
}

export interface CommandParts<Table extends OptionTable> {
  readonly name: string;
  /** What stands after the name: `[A] [B] [-- PATH…]`. */
  readonly form: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** For --help, where it is wrapped anew. */
  readonly description: string;
  /** What the columns of its output mean. */
  readonly columns?: readonly (readonly [heading: string, means: string])[];
  /** Each word that may be given, for messages. */
  readonly words: readonly Word[];
  /** What stands after `--`. Without it the words after `--` are words like all others. Of a `command` the first word ends the options, too. */
  readonly rest?: "paths" | "command" | "command after dashes";
  readonly options: Table;
  /**
   * What an ordinary user can't do outside of a user namespace: `always`, or only where the store has containers that ran in one; `alone`: without a
   * store, and not where that is impossible. Of other commands it is found out on the way.
   */
  readonly namespace?: NamespaceUse;
  /** Whether a person reads its output, which may be long, in a pager. */
  readonly paged?: true;
  readonly examples: readonly (readonly [line: string, says: string])[];
  /** Exit statuses of its own. */
  readonly statuses?: readonly (readonly [status: string, means: string])[];
}

export interface Word {
  readonly name: string;
  readonly required: boolean;
  /** Takes all the words that are left. */
  readonly many?: true;
}

/** A command, ready to be called by cli/command-line.ts. */
export interface Command extends CommandParts<OptionTable> {
  /** @returns The exit status; 0 when it gives none. */
  readonly run: (invocation: Invocation) => Promise<number> | Promise<void>;
}

export type NamespaceUse = "always" | "where used" | "alone";

/** Ties the options of a command to what its function gets; afterwards the types of the options are forgotten. */
export function command<const Table extends OptionTable>(
  parts: CommandParts<Table>,
  run: (invocation: Invocation<Table>) => Promise<number> | Promise<void>,
): Command {
  return { ...parts, run: run as unknown as Command["run"] };
}
