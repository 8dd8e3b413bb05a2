import { VarveError } from "../../core/errors.js";
import { abortMerge, continueMerge, type AbortResult } from "../../core/operations/end-merge.js";
import { mergeTarget, type MergeOptions, type MergeResult } from "../../core/operations/merge-target.js";
import { headOf } from "../../core/operations/targets.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { findWordTarget, openTarget, type OpenedTarget } from "../open-target.js";
import { showProgress } from "../progress.js";
import { reportCommit } from "../report-commit.js";
import { changeJson } from "../render/change-json.js";
import { conflictJson, noteJson } from "../render/conflict-json.js";
import { conflictLines, noteLine } from "../render/conflict-text.js";
import { printDryRun } from "../render/dry-run.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { commitOf } from "../revision-words.js";
import { shellLine } from "../shell-line.js";

const options = {
  message: { type: "string", alias: "m", value: "MSG", describe: "what the merge commit is about" },
  "ff-only": { type: "boolean", describe: "fail unless the branch can just be moved" },
  "no-ff": { type: "boolean", describe: "make a commit even where the branch could just be moved" },
  "no-commit": { type: "boolean", describe: "leave the commit to merge --continue" },
  squash: { type: "boolean", describe: "take over what they changed, uncommitted and without their history" },
  "strategy-option": {
    type: "string",
    alias: "X",
    value: "ours|theirs",
    describe: "ours or theirs: whose version where both changed the same",
  },
  ours: { type: "boolean", describe: "the same as -X ours" },
  theirs: { type: "boolean", describe: "the same as -X theirs" },
  "allow-unrelated-histories": { type: "boolean", describe: "merge even without a common ancestor" },
  "dry-run": { type: "boolean", alias: "n", describe: "only show what would change, and the conflicts" },
  continue: { type: "boolean", describe: "commit a merge whose conflicts are resolved" },
  abort: { type: "boolean", describe: "give a merge up: the tree is what it was before" },
} as const;

export const mergeCommand: Command = command(
  {
    name: "merge",
    form: "[TARGET] (REV | --continue | --abort)",
    summary: "Join what another branch has changed into a directory's or container's",
    description: `Three-way merge of REV into TARGET's branch and tree, by path and property, text by lines: what one side alone
changed is taken from it. Where the branch has no commits of its own it just moves. Users, groups and packages are merged by name;
caches that programs make from other files are taken from the newer side, and it says so. Rules for other files stand in
.varveattributes: a pattern and merge=ours, theirs, union, text, binary, newer, passwd, group, shadow, gshadow, subid, dpkg or apk.
Where both sides changed the same, the merge stops (status 1): texts have conflict markers, other files stand beside as NAME.ours,
NAME.theirs, NAME.base, and "varve status" lists them. Edit, or use "varve resolve", then "varve merge --continue". A container must
not run. What is not committed is kept, when the merge does not touch it.`,
    words: [
      { name: "TARGET", required: false },
      { name: "REV", required: false },
    ],
    options,
    examples: [
      ["varve merge topic", "into the tracked directory's branch"],
      ["varve merge web security-fixes", "into the container web"],
      ["varve merge -n topic", "what would change, and what conflicts"],
      ["varve merge --continue", "when the conflicts are resolved"],
      ["varve merge --abort", "back to what was before"],
    ],
    statuses: [
      ["1", "there are conflicts to resolve"],
      ["27", "no common ancestor"],
      ["32", "the container is running"],
      ["35", "a conflict is not resolved, or what is not committed is in the way"],
      ["37", "something else is in progress"],
      ["38", "no merge is in progress"],
    ],
  },
  async ({ words, options: given, session }) => {
    if (given.continue && given.abort) throw oneOf("--continue", "--abort");
    if (given.continue) return goOn(session, words, given.message);
    if (given.abort) return giveUp(session, words);
    const { opened, revision } = await parse(session, words);
    const { repository, target } = opened;
    const { branch } = await headOf(repository, target);
    const commit = await commitOf(repository, revision, branch);
    const result = await mergeTarget(repository, target, commit, optionsOf(given, revision, session));
    try {
      if (session.json) printJson(session.terminal, resultJson(result));
      else report(session, result, { word: words.length > 1 ? words[0] : undefined, dryRun: given["dry-run"] });
      return result.kind === "conflicts" ? 1 : 0;
    } finally {
      result.close();
    }
  },
);

type Given = OptionValues<typeof options>;

function optionsOf(given: Given, revision: string, { typed }: Session): MergeOptions {
  if (given["ff-only"] && given["no-ff"]) throw oneOf("--ff-only", "--no-ff");
  if (given.message !== undefined && given.message.trim() === "")
    throw new VarveError("USAGE", "Cannot merge: the message is empty", { hint: "Leave -m out for a message as git's." });
  return {
    command: typed,
    theirsLabel: revision,
    message: given.message,
    fastForward: given["ff-only"] ? "only" : given["no-ff"] ? "never" : undefined,
    noCommit: given["no-commit"],
    squash: given.squash,
    allowUnrelated: given["allow-unrelated-histories"],
    dryRun: given["dry-run"],
    favor: favorOf(given),
  };
}

function favorOf({ ours, theirs, "strategy-option": side }: Given): "ours" | "theirs" | undefined {
  if (side !== undefined && side !== "ours" && side !== "theirs")
    throw new VarveError("USAGE", `Cannot read -X ${JSON.stringify(side)}: wanted "ours" or "theirs"`);
  if ((ours || side === "ours") && (theirs || side === "theirs")) throw oneOf("--ours", "--theirs");
  return ours ? "ours" : theirs ? "theirs" : side;
}

function oneOf(one: string, other: string): VarveError {
  return new VarveError("USAGE", `Cannot merge: ${one} and ${other} are given, wanted one of them`);
}

/** One word is a REV; TARGET comes before it. */
async function parse(session: Session, words: readonly string[]): Promise<{ opened: OpenedTarget; revision: string }> {
  const [first, second] = words;
  if (first === undefined)
    throw new VarveError("USAGE", "Cannot merge: no revision is given", { hint: "Name a branch: varve merge BRANCH" });
  if (second === undefined) return { opened: await openTarget(session, undefined), revision: first };
  return { opened: (await findWordTarget(session, first)) ?? (await openTarget(session, first)), revision: second };
}

async function goOn(session: Session, words: readonly string[], message: string | undefined): Promise<number> {
  const { repository, target } = await openOnly(session, words, "--continue");
  const observe = showProgress(session.terminal);
  reportCommit(session, await continueMerge(repository, target, { message, command: session.typed, observe }));
  return 0;
}

async function giveUp(session: Session, words: readonly string[]): Promise<number> {
  const { repository, target } = await openOnly(session, words, "--abort");
  const result = await abortMerge(repository, target, { command: session.typed });
  if (session.json) printJson(session.terminal, abortJson(result));
  else session.terminal.say(abortText(result));
  return 0;
}

async function openOnly(session: Session, words: readonly string[], option: string): Promise<OpenedTarget> {
  if (words.length > 1) throw new VarveError("USAGE", `Cannot merge ${option}: "${words[1]}" is given, wanted no revision`);
  return openTarget(session, words[0]);
}

function resultJson({
  kind,
  branch,
  before,
  after,
  theirs,
  conflicts,
  notes,
  configConflicts,
  changes,
}: MergeResult): Record<string, unknown> {
  return {
    result: kind,
    branch: refText(branch),
    before: before ?? null,
    theirs,
    commit: after ?? null,
    conflicts: conflicts.map(conflictJson),
    notes: notes.map(noteJson),
    configConflicts,
    changes: changes.map(changeJson),
  };
}

interface Shown {
  /** TARGET as it was typed. */
  readonly word: string | undefined;
  readonly dryRun: boolean;
}

function report({ terminal }: Session, result: MergeResult, { word, dryRun }: Shown): void {
  const { kind, conflicts, notes, configConflicts, changes } = result;
  for (const note of notes) terminal.complain(`varve: note: ${noteLine(note)}\n`);
  for (const name of configConflicts)
    terminal.complain(`varve: warning: both sides changed ${name} of the image config: ours is kept\n`);
  if (kind === "up-to-date") return terminal.say("Already up to date.");
  if (dryRun) {
    for (const line of conflictLines(conflicts, terminal.paint)) terminal.print(`${line}\n`);
    const stops = conflicts.length === 0 ? undefined : `${counted(conflicts.length, "conflict")} to resolve`;
    return printDryRun(terminal, changes, stops);
  }
  terminal.say(told(result));
  if (kind !== "conflicts") return;
  for (const line of conflictLines(conflicts, terminal.paint)) terminal.print(`${line}\n`);
  const target = word === undefined ? "" : ` ${shellLine([word])}`;
  terminal.say(
    `Edit them, or take a side: varve resolve${target} --ours|--theirs|--base -- PATH\nThen: varve merge${target} --continue, or give up: varve merge${target} --abort`,
  );
}

function told({ kind, branch, before, after, theirs, conflicts, changes }: MergeResult): string {
  const changed = `${counted(changes.length, "path")} changed`;
  const undo = "Take it back: varve undo";
  switch (kind) {
    case "fast-forward": {
      const from = before === undefined ? "" : ` from ${shortId(before)}`;
      return `Moved ${refText(branch)} on${from} to ${shortId(theirs)} (fast-forward): ${changed}.\n${undo}`;
    }
    case "merged":
      return `Merged ${shortId(theirs)} into ${refText(branch)} as ${shortId(after ?? theirs)}: ${changed}.\n${undo}`;
    case "not-committed":
      return `Merged ${shortId(theirs)} into the tree, uncommitted: ${changed}.\n${undo}`;
    default:
      return `Merging ${shortId(theirs)} into ${refText(branch)}: ${counted(conflicts.length, "conflict")} to resolve.`;
  }
}

function abortJson({ branch, commit, saved, changes }: AbortResult): Record<string, unknown> {
  return { branch: refText(branch), commit, saved: saved ?? null, changes };
}

function abortText({ branch, commit, saved, changes }: AbortResult): string {
  const kept = saved === undefined ? "" : ` What stood there is kept as ${shortId(saved)}.`;
  return `Gave the merge up: the tree is what ${refText(branch)} holds (${shortId(commit)}), ${counted(changes, "path")} changed.${kept}\nTake it back: varve undo`;
}
