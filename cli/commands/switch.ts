import { VarveError } from "../../core/errors.js";
import type { RefName } from "../../core/model/ids.js";
import { previousBranch, switchBranch, type SwitchResult } from "../../core/operations/switch-branch.js";
import { headOf } from "../../core/operations/targets.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command, type Session } from "../command.js";
import { openTarget, type OpenedTarget } from "../open-target.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { changeJson } from "../render/change-json.js";
import { printDryRun } from "../render/dry-run.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { RESTART_OPTION, restarting } from "../restart-option.js";
import { commitOf } from "../revision-words.js";

const FORM = { name: "switch", form: "[TARGET] BRANCH | [TARGET] -c BRANCH [REV] | [TARGET] -" } as const;

export const switchCommand: Command = command(
  {
    ...FORM,
    summary: "Put a directory or container on another branch",
    description: `Puts TARGET, by default the tracked directory, on BRANCH and makes its tree what BRANCH holds. What is not committed is
saved first: "varve undo" brings it back. With -c the branch is made: where TARGET stands, and then the tree stays as it is, or
at REV. "-" is the branch before the last switch. A branch is used by one directory or container at a time.`,
    words: [
      { name: "TARGET", required: false },
      { name: "BRANCH", required: false, many: true },
    ],
    options: {
      create: { type: "string", alias: "c", value: "BRANCH", describe: "make this branch and switch to it" },
      "dry-run": { type: "boolean", alias: "n", describe: "only show what would change" },
      ...RESTART_OPTION,
    },
    examples: [
      ["varve switch next", "the tracked directory, on branch next"],
      ["varve switch -c try HEAD~2", "on a new branch, from an older commit"],
      ["varve switch web next", "the container web"],
      ["varve switch -", "back to the branch before"],
    ],
    statuses: [
      ["20", "no such branch"],
      ["31", "a container or directory stands on it"],
      ["32", "the container is running"],
    ],
  },
  async ({ words, options, session }) => {
    const { opened, branch, start } = await parse(session, words, options.create);
    const { repository, target } = opened;
    const head = (await headOf(repository, target)).branch;
    const from = start === undefined ? undefined : await commitOf(repository, start, head);
    const create = options.create === undefined ? undefined : { start: from };
    const dryRun = options["dry-run"];
    await restarting(opened, options, { action: "switch", session }, async (stopped) => {
      const result = await switchBranch(repository, stopped, branch, { command: session.typed, create, dryRun });
      try {
        if (session.json) printJson(session.terminal, resultJson(result, dryRun));
        else if (dryRun && result.from !== result.to)
          printDryRun(session.terminal, result.changes, `${refText(result.from)} would be left for ${refText(result.to)}`);
        else session.terminal.say(resultText(result, create !== undefined));
      } finally {
        result.close();
      }
    });
  },
);

interface Parsed {
  readonly opened: OpenedTarget;
  readonly branch: RefName;
  readonly start: string | undefined;
}

async function parse(session: Session, words: readonly string[], create: string | undefined): Promise<Parsed> {
  if (create !== undefined) return parseCreation(session, words, create);
  const [first, second, extra] = words;
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  if (first === undefined) throw wordMissing(FORM, "BRANCH");
  const [target, word] = second === undefined ? [undefined, first] : [first, second];
  const opened = await openTarget(session, target);
  const branch = word === "-" ? await previousBranch(opened.repository, opened.target) : branchRef(word);
  return { opened, branch, start: undefined };
}

/** One word beside the new branch is a container when there is one of that name, else where the branch begins. */
async function parseCreation(session: Session, words: readonly string[], create: string): Promise<Parsed> {
  const [first, second, extra] = words;
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const branch = branchRef(create);
  if (first === undefined || second !== undefined) return { opened: await openTarget(session, first), branch, start: second };
  const isTarget = first.includes("/") || first === "." ? undefined : await containerNamed(session, first);
  if (isTarget !== undefined) return { opened: isTarget, branch, start: undefined };
  return { opened: await openTarget(session, undefined), branch, start: first };
}

async function containerNamed(session: Session, word: string): Promise<OpenedTarget | undefined> {
  try {
    const opened = await openTarget(session, word);
    return opened.target.kind === "container" ? opened : undefined;
  } catch (error) {
    if (error instanceof VarveError && error.code === "TARGET_UNKNOWN") return undefined;
    throw error;
  }
}

function resultJson({ from, to, commit, saved, changes }: SwitchResult, dryRun: boolean): Record<string, unknown> {
  const facts = {
    from: refText(from),
    branch: refText(to),
    commit: commit ?? null,
    saved: saved ?? null,
    changes: changes.length,
  };
  return { ...facts, dryRun, paths: dryRun ? changes.map(changeJson) : null };
}

function resultText({ from, to, commit, saved, changes }: SwitchResult, created: boolean): string {
  if (from === to) return `Already on ${refText(to)}.`;
  const place = commit === undefined ? "which has no commit yet" : `at ${shortId(commit)}`;
  const kept = saved === undefined ? "" : ` What was not committed on ${refText(from)} is kept as ${shortId(saved)}.`;
  const paths = changes.length === 0 ? "" : `: ${counted(changes.length, "path")} changed`;
  return `Switched to ${created ? "the new branch " : ""}${refText(to)}, ${place}${paths}.${kept}\nTake it back: varve undo`;
}
