import { VarveError } from "../core/errors.js";
import type { NeedingCommits } from "../core/maintenance/needing-commits.js";
import type { LayerId } from "../core/model/ids.js";
import type { Repository } from "../core/ports/repository.js";
import type { Command, Session } from "./command.js";
import { atOperationOf } from "./at-operation.js";
import { ALIASES, COMMANDS } from "./command-table.js";
import { closestNames } from "../core/revision/closest-names.js";
import { OUTPUT_CLOSED } from "./exit-status.js";
import { FOREIGN_COMMANDS } from "./foreign-words.js";
import { GLOBAL_OPTIONS } from "./global-options.js";
import { normalWords } from "./normal-words.js";
import type { Pager } from "./pager.js";
import { processWords } from "./process-arguments.js";
import { reportFailure } from "./report-failure.js";
import { shellLine } from "./shell-line.js";
import { COLOUR_CHOICES, openTerminal, OutputClosed, quietTerminal, terminalTest, type Terminal } from "./terminal.js";
import { enterNamespace, settleInNamespace, startAnew } from "./start-anew.js";
import { VERSION } from "./version.js";

/** Of a damaged layer, as many are named as fit on a screen. */
const MOST_COMMITS = 5;

/** What the scripts of `varve completion` call. */
const COMPLETE = "__complete";
/** What the supervisors of containers in the background call. */
const ENDED = "__ended";

/** Whether the process may have more to take down than Node itself. */
let hasOpened = false;

/** Ends the process, at once where that can be done. */
export async function endProcess(status: number): Promise<void> {
  process.exitCode = status;
  if (hasOpened) (await import("./open-repository.js")).endProcess(status);
}

/** Reads the command line and runs the command. @returns The exit status. */
export async function runCommandLine(): Promise<number> {
  const words = processWords();
  const terminal = openTerminal({ environment: process.env, isTerminal: await terminalTest() });
  settleInNamespace();
  const seen: Seen = { json: isGiven(words, "--json"), command: undefined, session: undefined, opened: [], pager: undefined };
  try {
    const status = await dispatch(words, terminal, seen);
    await leavePager(terminal, seen);
    hasOpened = seen.opened.length > 0;
    return status;
  } catch (thrown) {
    const error = await startAnew(seen.session, thrown);
    const wasPaged = await leavePager(terminal, seen);
    // Who leaves a pager has seen enough.
    return wasPaged && error instanceof OutputClosed ? 0 : fail(error, terminal, seen);
  }
}

/** @returns Whether there was one. */
async function leavePager(terminal: Terminal, { pager }: Seen): Promise<boolean> {
  await pager?.finish();
  return terminal.unpage();
}

/** From the first of its output on. */
async function pageOutput({ terminal }: Session, seen: Seen): Promise<void> {
  const { pagerCommand, startPager } = await import("./pager.js");
  const command = pagerCommand(process.env);
  if (command === undefined) return;
  terminal.page(() => (seen.pager = startPager(command, process.env))?.descriptor);
}

/** What is known of the call, for when it fails. */
interface Seen {
  json: boolean;
  command: string | undefined;
  session: Session | undefined;
  readonly opened: Repository[];
  pager: Pager | undefined;
}

async function dispatch(words: readonly string[], terminal: Terminal, seen: Seen): Promise<number> {
  if (words[0] === COMPLETE) return complete(words.slice(1), terminal);
  if (words[0] === ENDED) return (await import("./after-end.js")).afterEnd(words.slice(1), terminal);
  const { words: leading, rest: following = [] } = normalWords(words, {
    options: { ...GLOBAL_OPTIONS, version: { type: "boolean", alias: "V", describe: "" } },
    stopAtWord: "always",
    command: undefined,
  });
  const typed = leading.at(-1)?.startsWith("--") === false ? leading.at(-1) : undefined;
  if (leading.includes("--version") || typed === "version") return printVersion(terminal);
  if (typed === undefined || typed === "help") return showHelp(typed === "help" ? following : [], leading, terminal);
  const name = commandName(typed);
  seen.command = name;
  const command = await loadCommand(name);
  const { parseWords, requireWords } = await import("./parse-words.js");
  // Before other words it may be an option of the command's own, such as run's host name.
  const asked = following.length === 1 && following[0] === "-h" ? ["--help"] : following;
  const parsed = parseWords(command, [...leading.slice(0, -1), ...asked]);
  seen.json = parsed.options["json"] === true;
  if (parsed.options["help"] === true) {
    return printHelp(command, terminal);
  }
  requireWords(command, parsed.words);
  await setColour(parsed.options["color"], terminal);
  const session: Session = {
    terminal: parsed.options["quiet"] === true ? quietTerminal(terminal) : terminal,
    json: seen.json,
    store: parsed.options["store"] as string | undefined,
    atOperation: atOperationOf(command.name, parsed.options["at-op"]),
    typed: shellLine([name, ...following]),
    opened: seen.opened,
    takeBack: [],
  };
  seen.session = session;
  if (command.namespace !== undefined) await enterNamespace(session, command.namespace);
  const { catchSignals } = await import("./signals.js");
  catchSignals();
  const isPaged = command.paged === true && terminal.interactive && !session.json && parsed.options["no-pager"] !== true;
  if (isPaged) await pageOutput(session, seen);
  let status: number | undefined;
  try {
    return (status = (await command.run({ ...parsed, session } as Parameters<Command["run"]>[0])) ?? 0);
  } finally {
    if (status !== 0) for (const step of session.takeBack) await step();
  }
}

/** @throws VarveError USAGE. */
async function setColour(typed: unknown, terminal: Terminal): Promise<void> {
  if (typeof typed !== "string") return;
  const { choiceOf } = await import("./option-values.js");
  terminal.colour(choiceOf("--color", typed, COLOUR_CHOICES));
}

async function complete(words: readonly string[], terminal: Terminal): Promise<number> {
  const { answerShell } = await import("./completion/answer-shell.js");
  terminal.print(await answerShell(words));
  return 0;
}

function printVersion(terminal: Terminal): number {
  terminal.print(`varve ${VERSION}\n`);
  return 0;
}

async function showHelp(about: readonly string[], leading: readonly string[], terminal: Terminal): Promise<number> {
  const [topic] = about.filter((word) => !word.startsWith("-"));
  if (topic !== undefined) {
    return printHelp(await loadCommand(commandName(topic)), terminal);
  }
  const { mainHelp } = await import("./main-help.js");
  const asked = leading.includes("--help") || leading.includes("help");
  if (asked) terminal.print(mainHelp());
  else terminal.complain(mainHelp());
  return asked ? 0 : 2;
}

async function printHelp(command: Command, terminal: Terminal): Promise<number> {
  const { helpOf } = await import("./command-help.js");
  terminal.print(helpOf(command));
  return 0;
}

/** @throws VarveError USAGE. */
function commandName(typed: string): string {
  if (Object.hasOwn(COMMANDS, typed)) return typed;
  if (Object.hasOwn(ALIASES, typed)) return ALIASES[typed] ?? typed;
  const foreign = Object.hasOwn(FOREIGN_COMMANDS, typed) ? FOREIGN_COMMANDS[typed] : undefined;
  const [near] = closestNames(typed, [...Object.keys(COMMANDS), ...Object.keys(ALIASES)]);
  const guess = near === undefined ? "" : `Did you mean "varve ${near}"? `;
  const hint = foreign ?? `${guess}See "varve --help".`;
  throw new VarveError("USAGE", `Cannot run "${typed}": varve has no such command`, { hint });
}

async function loadCommand(name: string): Promise<Command> {
  const row = COMMANDS[name];
  if (row === undefined) throw new RangeError(`no command ${name}`);
  return row.load();
}

async function fail(error: unknown, terminal: Terminal, { json, command, opened }: Seen): Promise<number> {
  if (error instanceof OutputClosed) return OUTPUT_CLOSED;
  const debug = Boolean(process.env["VARVE_DEBUG"]);
  const { data, talk, exitStatus } = reportFailure(error, { json, command, debug, needing: await needing(error, opened) });
  terminal.complain(talk);
  try {
    terminal.print(data);
  } catch {
    // The failure counts, whether or not somebody reads of it.
  }
  if (!(error instanceof VarveError) || error.code !== "INTERRUPTED") return exitStatus;
  const { signalStatus } = await import("./signals.js");
  return signalStatus() ?? exitStatus;
}

/** What needs the layers that a failure is about. @returns `undefined` where that is not known. */
async function needing(error: unknown, opened: readonly Repository[]): Promise<NeedingCommits | undefined> {
  const repository = opened.at(-1);
  if (!(error instanceof VarveError) || error.layers.length === 0 || repository === undefined) return undefined;
  try {
    const { needingCommits } = await import("../core/maintenance/needing-commits.js");
    return await needingCommits(repository, error.layers as readonly LayerId[], MOST_COMMITS);
  } catch {
    // The history is damaged, too; the failure itself is told all the same.
    return undefined;
  }
}

/** A first look, for what must be known before the words are read: only where options of all commands may stand. */
function isGiven(words: readonly string[], option: string): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end === -1 ? undefined : end).includes(option);
}
