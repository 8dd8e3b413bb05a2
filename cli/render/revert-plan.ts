import type { PlannedTree, RevertPlan } from "../../core/operations/plan-revert.js";
import type { Repository } from "../../core/ports/repository.js";
import type { Session } from "../command.js";
import { printableLine } from "../printable.js";
import { changeJson } from "./change-json.js";
import { changeLine } from "./change-text.js";
import { effectJson } from "./operation-json.js";
import { ContainerNames, effectLines, treeName } from "./operation-text.js";

/** What taking something back would move, and how it would change trees. */
export function planJson({ effect, trees }: RevertPlan): Record<string, unknown> {
  const facts = effectJson(effect);
  const updates = facts["trees"] as readonly Record<string, unknown>[];
  const planned = updates.map((update, at) => ({
    ...update,
    saves: trees[at]?.saves ?? false,
    changes: trees[at]?.changes?.map(changeJson) ?? null,
  }));
  return { ...facts, trees: planned };
}

/** The same for people: what would move and change is data. @param what Said of it: `Would undo: commit`. */
export function printPlan(
  { terminal }: Session,
  { containers }: Pick<Repository, "containers">,
  { effect, trees }: RevertPlan,
  what: string,
): void {
  const names = new ContainerNames(containers.list());
  names.see(effect);
  terminal.print(
    effectLines(effect, names.of)
      .map((line) => `${line}\n`)
      .join(""),
  );
  for (const tree of trees) terminal.print(changesText(tree, names.of, terminal.paint));
  const saved = trees.filter(({ saves }) => saves).map(({ update }) => treeName(update.target, names.of));
  const kept = saved.map((place) => printableLine(`What is not committed in ${placeText(place)} would be saved first.`));
  terminal.say([what, ...kept, "Nothing was done, as asked."].join("\n"));
}

function placeText(place: string): string {
  return place.replace(/^tracked/, "the tracked");
}

function changesText(
  { update, changes = [] }: PlannedTree,
  name: (id: string) => string,
  paint: Session["terminal"]["paint"],
): string {
  if (changes.length === 0) return "";
  const lines = changes.map((change) => `${changeLine(change, paint)}\n`);
  return `\n${printableLine(treeName(update.target, name))}:\n${lines.join("")}`;
}
