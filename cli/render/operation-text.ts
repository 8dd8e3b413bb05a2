import type { OperationState } from "../../core/operations/operation-states.js";
import type { Limits } from "../../core/ports/container-limits.js";
import type { Effect, LimitsUpdate, TreeUpdate } from "../../core/ports/operation-log.js";
import { SAVED } from "../../core/revision/ref-names.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { printableLine } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { refText, shortId } from "./names.js";

type Paint = Terminal["paint"];

/** One line of `op log`, and one for each thing that it moved. @param name What a container is called. */
export function operationText({ operation, live }: OperationState, name: (id: string) => string, paint: Paint): string {
  const { id, time, user, command } = operation;
  const state = live ? "" : paint("dim", " (taken back)");
  const who = user === undefined ? "" : ` ${printableLine(user)}`;
  const lines = effectLines(operation, name).map((line) => `    ${line}`);
  return [`${paint("yellow", id)} ${secondsOf(time)}${who}${state}`, `  ${printableLine(command)}`, ...lines, ""].join("\n");
}

/** Without fractions of seconds. */
function secondsOf(time: string): string {
  return printableLine(time).replace(/\.\d+Z$/, "Z");
}

/** What an operation moved, for people, one line each. Saved trees are no names of anybody's. */
export function effectLines(effect: Effect, name: (id: string) => string): readonly string[] {
  const { refs, trees, head, standings = [], names = [], limits = [], upstreams = [], progress = [] } = effect;
  return [
    ...refs
      .filter((ref) => !ref.name.startsWith(SAVED))
      .map(({ name: ref, before, after }) => `${kindOf(ref)} ${refText(ref)} ${commitText(before)} → ${commitText(after)}`),
    ...(head === undefined ? [] : [`HEAD ${refText(head.before)} → ${refText(head.after)}`]),
    ...standings.map(
      (update) => `${name(update.container)} on ${refText(update.before.branch)} → ${refText(update.after.branch)}`,
    ),
    ...names.map(({ before, after }) => `container ${before} renamed ${after}`),
    ...limits.map((update) => `limits of ${name(update.container)}: ${limitsText(update)}`),
    ...upstreams.map(({ branch, before, after }) => `upstream of ${refText(branch)} ${nameText(before)} → ${nameText(after)}`),
    ...trees.map((update) => treeLine(update, name)),
    ...progress.map(
      ({ slot, before, after }) => `${before?.kind ?? after?.kind ?? ""} in ${slotText(slot, name)} ${stepOf(before, after)}`,
    ),
  ].map(printableLine);
}

/** Those that changed. */
function limitsText({ before, after }: LimitsUpdate): string {
  const names = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof Limits)[]);
  const told = (value: unknown): string => {
    if (value === undefined) return "none";
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  return [...names]
    .filter((each) => JSON.stringify(before[each]) !== JSON.stringify(after[each]))
    .map((each) => `${each} ${told(before[each])} → ${told(after[each])}`)
    .join(", ");
}

function kindOf(ref: RefName): string {
  if (ref.startsWith("refs/heads/")) return "branch";
  return ref.startsWith("refs/tags/") ? "tag" : "ref";
}

function commitText(commit: CommitId | undefined): string {
  return commit === undefined ? "none" : shortId(commit);
}

function nameText(name: RefName | undefined): string {
  return name === undefined ? "none" : refText(name);
}

export function treeName(target: TreeUpdate["target"], name: (id: string) => string): string {
  if (target.kind === "machine") return "this machine's root";
  return target.kind === "directory" ? "tracked directory" : name(target.id);
}

function treeLine({ target, before, after }: TreeUpdate, name: (id: string) => string): string {
  const place = treeName(target, name);
  if (target.kind === "container" && before === undefined) return `${place} made, on ${commitText(after)}`;
  if (target.kind === "container" && after === undefined) return `${place} removed, it held ${commitText(before)}`;
  if (target.kind === "machine") return `paths of ${place} ${commitText(before)} → ${commitText(after)}`;
  return `tree of ${place.replace("tracked", "the tracked")} ${commitText(before)} → ${commitText(after)}`;
}

function slotText(slot: string, name: (id: string) => string): string {
  if (slot === "bisect") return "the store";
  return slot === "directory" ? "the tracked directory" : name(slot);
}

function stepOf(before: unknown, after: unknown): string {
  if (before === undefined) return "begun";
  return after === undefined ? "ended" : "went on";
}

/** What containers are called: those that are gone as the operations tell that were seen so far, newest first. */
export class ContainerNames {
  readonly #names = new Map<string, string>();

  constructor(standing: readonly { readonly record: { readonly id: string; readonly name: string } }[]) {
    for (const { record } of standing) this.#names.set(record.id, record.name);
  }

  see({ trees, names = [] }: Effect): void {
    for (const { container, after } of names) if (!this.#names.has(container)) this.#names.set(container, after);
    for (const { target, container } of trees) {
      const name = container?.["name"];
      if (target.kind === "container" && typeof name === "string" && !this.#names.has(target.id))
        this.#names.set(target.id, name);
    }
  }

  readonly of = (id: string): string => `container ${this.#names.get(id) ?? id}`;
}
