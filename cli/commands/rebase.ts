import { rebaseTarget, type RebaseResult } from "../../core/operations/rewriting/rebase-target.js";
import { headOf } from "../../core/operations/targets.js";
import { command, type Command, type Session } from "../command.js";
import { findWordTarget, openTarget, type OpenedTarget } from "../open-target.js";
import { wordMissing } from "../parse-words.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { replayJson } from "../render/replay-text.js";
import { endReplay, favorOf, REPLAY_OPTIONS, REPLAY_STATUSES, reportReplay } from "../replay-options.js";
import { commitOf } from "../revision-words.js";

const FORM = "[TARGET] UPSTREAM [--onto NEW] | --continue | --skip | --abort";

export const rebaseCommand: Command = command(
  {
    name: "rebase",
    form: FORM,
    summary: "Put a branch's or container's own changes on another commit",
    description: `Takes the commits of TARGET's branch that UPSTREAM does not come from, and makes their changes once more on UPSTREAM, or on
NEW, each by a three-way merge: so a container that was changed comes onto a newer image. What is not committed comes on top, and stays so.
Of two images without a common history, a container's own commits are those since it was made; otherwise name what
they come after, and NEW. What UPSTREAM has already is left out, and merges are put one after another. Where there are conflicts it
stops (status 1), and "varve status" lists them: resolve them, then --continue. TARGET must not run.`,
    words: [
      { name: "TARGET", required: false },
      { name: "UPSTREAM", required: false },
    ],
    options: {
      onto: { type: "string", value: "NEW", describe: "put them there (default: UPSTREAM)" },
      ...REPLAY_OPTIONS,
    },
    examples: [
      ["varve rebase main", "this branch's own commits, on what main is now"],
      ["varve rebase web debian-new", "the container web onto a newer image"],
      ["varve rebase feature~2 --onto main", "the last two commits alone"],
      ["varve rebase web --abort", "back to what was before"],
    ],
    statuses: [...REPLAY_STATUSES, ["20", "no such revision"], ["27", "no common ancestor"]],
  },
  async ({ words, options: given, session }) => {
    const ended = await endReplay({ name: "rebase", form: FORM }, words, given, session);
    if (ended !== undefined) return ended;
    const { opened, word, upstream } = await parse(session, words);
    const { repository, target } = opened;
    const { branch } = await headOf(repository, target);
    const onto = given.onto === undefined ? undefined : await commitOf(repository, given.onto, branch);
    const options = { upstream: await commitOf(repository, upstream, branch), onto, label: given.onto ?? upstream };
    const policy = { favor: favorOf(given), dryRun: given["dry-run"], command: session.typed };
    return report(session, await rebaseTarget(repository, target, { ...options, ...policy }), { word, dryRun: given["dry-run"] });
  },
);

interface Parsed {
  readonly opened: OpenedTarget;
  /** TARGET as it was typed. */
  readonly word: string | undefined;
  readonly upstream: string;
}

async function parse(session: Session, words: readonly string[]): Promise<Parsed> {
  const [first, second] = words;
  if (first === undefined) throw wordMissing({ name: "rebase", form: FORM }, "UPSTREAM");
  if (second === undefined) return { opened: await openTarget(session, undefined), word: undefined, upstream: first };
  return { opened: (await findWordTarget(session, first)) ?? (await openTarget(session, first)), word: first, upstream: second };
}

function report(
  session: Session,
  result: RebaseResult,
  { word, dryRun }: { readonly word: string | undefined; readonly dryRun: boolean },
): number {
  const { isUpToDate, merges, madeOn, branch, after } = result;
  const json = { upToDate: isUpToDate, merges, madeOn: madeOn ?? null };
  if (!isUpToDate) return reportReplay("rebase", result, { session, word, dryRun, json, lines: linesOf(result) });
  if (session.json) printJson(session.terminal, { ...replayJson(result), ...json });
  else
    session.terminal.say(
      `Up to date: ${refText(branch)} stands there already${after === undefined ? "" : `, at ${shortId(after)}`}.`,
    );
  return 0;
}

function linesOf({ merges, madeOn }: RebaseResult): readonly string[] {
  return [
    ...(madeOn === undefined ? [] : [`Its own commits are those since it was made, on ${shortId(madeOn)}.`]),
    ...(merges.length === 0 ? [] : [`${counted(merges.length, "merge")} left out: what they joined comes one after another.`]),
  ];
}
