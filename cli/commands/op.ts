import { VarveError } from "../../core/errors.js";
import { operationStates, type OperationState } from "../../core/operations/operation-states.js";
import { planRestoreOperation, restoreOperation } from "../../core/operations/restore-operation.js";
import { showOperation, type ShownOperation } from "../../core/operations/show-operation.js";
import type { RevertPlan } from "../../core/operations/plan-revert.js";
import type { Operation } from "../../core/ports/operation-log.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { countOf } from "../option-values.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { printableLine } from "../printable.js";
import { changeJson } from "../render/change-json.js";
import { changeLine } from "../render/change-text.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { operationJson } from "../render/operation-json.js";
import { ContainerNames, operationText, treeName } from "../render/operation-text.js";
import { planJson, printPlan } from "../render/revert-plan.js";
import { keptLines, operationFacts } from "../render/undo-text.js";

const FORM = { name: "op", form: "log [-n N] | show [ID] | restore ID" } as const;

export const opCommand: Command = command(
  {
    ...FORM,
    summary: "Show what commands did, and go back to where one left things",
    description: `Every command that changes branches, tags, containers or trees is an operation. "log" lists them, newest first, with
what they moved; "show" shows one, and how it changed trees; "restore" makes branches, tags, HEAD, containers and trees what
they were right after one, as one operation that "varve undo" takes back. ID is an operation's id or its first digits; @ is
the newest, @{1} the one before it, root what stood before all of them. With --at-op ID, commands that look show the store
as it was then.`,
    words: [
      { name: "log|show|restore", required: false },
      { name: "ID", required: false },
    ],
    options: {
      number: { type: "string", alias: "n", digits: true, value: "N", describe: "list at most N operations; also -N" },
      "dry-run": { type: "boolean", describe: "of restore: only show what would move and change" },
    },
    examples: [
      ["varve op log -5", "the last five"],
      ["varve op show 4f1c9a2b", "what one of them changed"],
      ["varve op restore @{3}", "all as it was before the last three"],
      ["varve op restore --dry-run @{3}", "only show what that would move and change"],
    ],
    statuses: [
      ["26", "there is no such operation"],
      ["34", "what it would bring back is gone"],
    ],
  },
  async ({ words: [action = "log", id], options: { number, "dry-run": dryRun }, session }) => {
    if (dryRun && action !== "restore")
      throw new VarveError("USAGE", `Cannot use --dry-run with varve op ${action}: it is for varve op restore`);
    if (action === "log") {
      if (id !== undefined) throw wordTooMany(FORM, id);
      return printLog(session, number === undefined ? Infinity : countOf("-n", number));
    }
    if (number !== undefined) throw new VarveError("USAGE", `Cannot use -n with varve op ${action}: it is for varve op log`);
    if (action === "show") return printShown(session, id ?? "@");
    if (action !== "restore") throw unknownAction(action);
    if (id === undefined) throw wordMissing(FORM, "ID");
    return dryRun ? showRestore(session, id) : restore(session, id);
  },
);

function unknownAction(action: string): VarveError {
  return new VarveError("USAGE", `Cannot run varve op "${action}": there is no such action`, {
    hint: `The form is: varve op ${FORM.form}`,
  });
}

async function printLog(session: Session, limit: number): Promise<void> {
  const repository = await openRepository(session);
  const { terminal } = session;
  const states = newestStates(repository, limit);
  if (session.json) return printJsonArray(terminal, mapEach(states, operationJson));
  const names = new ContainerNames(repository.containers.list());
  let isEmpty = true;
  // One by one: what is newer than a damaged record is shown.
  for await (const state of states) {
    names.see(state.operation);
    terminal.print(operationText(state, names.of, terminal.paint));
    isEmpty = false;
  }
  if (isEmpty && limit > 0) terminal.say("Nothing has been done yet.");
}

async function* newestStates({ operations }: Repository, limit: number): AsyncGenerator<OperationState> {
  let left = limit;
  if (left <= 0) return;
  for await (const state of operationStates(operations)) {
    yield state;
    left -= 1;
    if (left <= 0) return;
  }
}

async function* mapEach<From, To>(items: AsyncIterable<From>, convert: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield convert(item);
}

async function printShown(session: Session, id: string): Promise<void> {
  const repository = await openRepository(session);
  const shown = await showOperation(repository, id);
  try {
    if (session.json) printJson(session.terminal, shownJson(shown));
    else session.terminal.print(shownText(session, shown, nameIn(repository, shown)));
  } finally {
    shown.close();
  }
}

function nameIn({ containers }: Repository, { state }: ShownOperation): (id: string) => string {
  const names = new ContainerNames(containers.list());
  names.see(state.operation);
  return names.of;
}

function shownJson({ state, trees }: ShownOperation): Record<string, unknown> {
  const facts = operationJson(state);
  const updates = facts["trees"] as readonly Record<string, unknown>[];
  return { ...facts, trees: updates.map((update, at) => ({ ...update, changes: trees[at]?.changes?.map(changeJson) ?? null })) };
}

function shownText({ terminal: { paint } }: Session, { state, trees }: ShownOperation, name: (id: string) => string): string {
  const parts = trees
    .filter(({ changes = [] }) => changes.length > 0)
    .map(({ update, changes = [] }) => {
      const lines = changes.map((change) => changeLine(change, paint));
      return `\n${printableLine(treeName(update.target, name))}:\n${lines.join("\n")}\n`;
    });
  return operationText(state, name, paint) + parts.join("");
}

async function restore(session: Session, id: string): Promise<void> {
  const { terminal, json, typed } = session;
  const { to, restored, lost } = await restoreOperation(await openRepository(session), id, { command: typed });
  tellLost(session, lost);
  if (json) {
    const operation = restored === undefined ? null : operationFacts(restored.operation);
    return printJson(terminal, { to: to === undefined ? null : operationFacts(to), operation, saved: restored?.saved ?? [] });
  }
  const then = thenText(to);
  if (restored === undefined) return terminal.say(`Nothing to restore: all is as it was ${then}`);
  const lines = [`Restored all as it was ${then}`, ...keptLines(restored.operation, restored.saved), "Take it back: varve undo"];
  terminal.say(lines.join("\n"));
}

async function showRestore(session: Session, id: string): Promise<void> {
  const { terminal, json } = session;
  const repository = await openRepository(session);
  const { to, plan, lost } = await planRestoreOperation(repository, id);
  try {
    tellLost(session, lost);
    const facts = { to: to === undefined ? null : operationFacts(to), dryRun: true };
    if (json) printJson(terminal, { ...facts, ...planJson(plan ?? NOTHING) });
    else if (plan === undefined) terminal.say(`Nothing to restore: all is as it was ${thenText(to)}`);
    else printPlan(session, repository, plan, `Would restore all as it was ${thenText(to)}`);
  } finally {
    plan?.close();
  }
}

const NOTHING: RevertPlan = { effect: { refs: [], trees: [] }, trees: [], close: () => undefined };

function tellLost({ terminal }: Session, lost: readonly string[]): void {
  if (lost.length === 0) return;
  const containers = lost.length === 1 ? "container" : "containers";
  terminal.complain(`varve: warning: nothing was kept of ${containers} ${lost.join(", ")}\n`);
}

function thenText(to: Operation | undefined): string {
  return to === undefined ? "before the first operation" : `after: ${printableLine(to.command)} (of ${to.time})`;
}
