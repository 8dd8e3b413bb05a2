import { VarveError } from "../../core/errors.js";
import { diffSides, type Difference } from "../../core/operations/diff-sides.js";
import type { LogEntry } from "../../core/operations/history/read-log.js";
import type { Tag } from "../../core/model/commit.js";
import type { RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { nodeAt } from "../../core/model/paths.js";
import { openSide, parseSide } from "../../core/operations/sides.js";
import { headOf, type Target } from "../../core/operations/targets.js";
import { isRefName, TAGS } from "../../core/revision/ref-names.js";
import { splitRevisionPath } from "../../core/revision/parse-revision.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { FORM_OPTIONS, isFormAsked, printDifference } from "../render/difference.js";
import { logEntryJson } from "../render/commit-json.js";
import { commitText } from "../render/commit-text.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { entryOf, foldedChangeLines, headBranch } from "../render/shown-commit.js";
import { annotationJson, tagText } from "../render/tag-text.js";
import { commitOf, findSidePath, splitSidePath } from "../revision-words.js";

const OPTIONS = {
  ...FORM_OPTIONS,
  "no-patch": { type: "boolean", alias: "s", describe: "Show the commit alone, not what it changed" },
} as const;

export const showCommand: Command = command(
  {
    name: "show",
    form: "[REV | REV:PATH]… [-- PATH…]",
    summary: "Show commits and what they changed, or what they hold at a path",
    description: `Shows the commit that REV names (default: HEAD), how it was made, and what it changed against its first parent. A directory that
came or went is one line; "varve diff REV~1 REV" lists everything. REV:PATH shows a file's content, as "varve cat" does, or a
directory's names, as "varve ls" does. Of several, each is shown, in the order given; when one is unknown, none.`,
    words: [{ name: "REV", required: false, many: true }],
    rest: "paths",
    options: OPTIONS,
    paged: true,
    examples: [
      ["varve show", "the last commit of the tracked directory's branch"],
      ["varve show base~1", "the one before base"],
      ["varve show -p", "the lines that it changed"],
      ["varve show -s v1 v2", "who made two versions, and when"],
      ["varve show --stat v1 -- /etc", "what v1 changed below a directory, with sizes"],
      ["varve show v1:/etc/hosts", "a file as it was in v1"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "no such path in that commit"],
    ],
  },
  async ({ words, rest = [], options: form, session }) => {
    if (form["no-patch"] && isFormAsked(form)) throw contradiction();
    const shown: Shown[] = [];
    for (const word of words.length === 0 ? ["HEAD"] : words) shown.push(await shownOf(session, word));
    if (session.json && shown.length > 1) return printJsonArray(session.terminal, jsonOfEach(commitsOf(shown), rest, form));
    for (const [index, each] of shown.entries()) {
      if (!("entry" in each)) await showPath(session, each);
      else if (session.json) printJson(session.terminal, await entryJson(each, rest, form));
      else {
        if (index > 0) session.terminal.print("\n");
        await showEntry(session, each, rest, form);
      }
    }
  },
);

type Form = OptionValues<typeof OPTIONS>;

function contradiction(): VarveError {
  return new VarveError("USAGE", "Cannot combine --no-patch with a form in which changes are shown: it leaves them out");
}

interface ShownEntry {
  readonly word: string;
  readonly repository: Repository;
  readonly entry: LogEntry;
  /** The branch that is marked as HEAD. */
  readonly head: RefName | undefined;
  readonly targets: readonly Target[];
}

interface ShownPath {
  readonly word: string;
  readonly repository: Repository;
}

type Shown = ShownEntry | ShownPath;

/** @throws VarveError REVISION_UNKNOWN and the like, before anything is printed. */
async function shownOf(session: Session, word: string): Promise<Shown> {
  if (splitRevisionPath(word).path !== undefined) {
    const repository = await openRepository(session);
    const { side, path } = await findSidePath(repository, word);
    if (path !== undefined) {
      await parseSide(repository, side);
      return { word, repository };
    }
  }
  return shownEntry(session, word);
}

/** @throws VarveError USAGE. */
function commitsOf(shown: readonly Shown[]): readonly ShownEntry[] {
  return shown.map((each) => {
    if ("entry" in each) return each;
    throw pathAmongSeveral(each.word);
  });
}

async function* jsonOfEach(shown: readonly ShownEntry[], rest: readonly string[], form: Form): AsyncGenerator {
  for (const each of shown) yield await entryJson(each, rest, form);
}

function pathAmongSeveral(word: string): VarveError {
  return new VarveError("USAGE", `Cannot show "${word}" as JSON with others: an array holds commits alone`, {
    hint: "Ask for it by itself, or use varve cat REV:PATH --json and varve ls REV:PATH --json.",
  });
}

async function openDifference({ repository, entry, targets }: ShownEntry, rest: readonly string[]): Promise<Difference> {
  const { commit } = entry;
  const paths = await selectionOf(rest, repository, targets);
  const before = { kind: "commit", commit: commit.parents[0] } as const;
  return diffSides(repository, before, { kind: "commit", commit: commit.id }, { paths });
}

async function entryJson(shown: ShownEntry, rest: readonly string[], form: Form): Promise<Record<string, unknown>> {
  const tag = await annotationOf(shown.repository, shown.word);
  const config = shown.entry.commit.config ?? null;
  const head = { ...logEntryJson(shown.entry), config, ...(tag && { annotation: annotationJson(tag) }) };
  if (form["no-patch"]) return head;
  const { changes, close } = await openDifference(shown, rest);
  close();
  return { ...head, changes: changes.map(changeJson) };
}

async function showEntry({ terminal }: Session, shown: ShownEntry, rest: readonly string[], form: Form): Promise<void> {
  const difference = form["no-patch"] ? undefined : await openDifference(shown, rest);
  try {
    const tag = await annotationOf(shown.repository, shown.word);
    if (tag !== undefined) terminal.print(`${tagText(tag, terminal.paint)}\n`);
    terminal.print(commitText(shown.entry, shown.head, terminal.paint));
    if (difference === undefined) return;
    const { changes } = difference;
    terminal.print("\n");
    await printDifference(terminal, changes, form, () => foldedChangeLines(changes, terminal.paint));
  } finally {
    difference?.close();
  }
}

/** Of a word that names an annotated tag, and nothing beyond it. */
async function annotationOf({ history }: Repository, word: string): Promise<Tag | undefined> {
  for (const name of [word, `${TAGS}${word}`]) {
    if (name.startsWith(TAGS) && isRefName(name)) return history.readTag(name as RefName);
  }
  return undefined;
}

/** What `cat` shows of a file, and `ls` of anything else. */
async function showPath(session: Session, { word, repository }: ShownPath): Promise<void> {
  const { side, path } = await splitSidePath(repository, word);
  const tree = await openSide(repository, await parseSide(repository, side));
  const node = nodeAt(tree, path);
  tree.close();
  const isFile = node !== undefined && "content" in node;
  const shown = isFile ? (await import("./cat.js")).catCommand : (await import("./ls.js")).lsCommand;
  await shown.run({ words: [word], rest: undefined, options: {}, session });
}

async function shownEntry(session: Session, word: string): Promise<ShownEntry> {
  const found = word.startsWith(":") ? undefined : await findWordTarget(session, word);
  const repository = found?.repository ?? (await openRepository(session));
  const head = found === undefined ? await headBranch(repository) : (await headOf(repository, found.target)).branch;
  const from = await commitOf(repository, found === undefined ? word : "HEAD", found === undefined ? undefined : head);
  const targets = found === undefined ? [] : [found.target];
  return { word, repository, entry: await entryOf(repository, from), head, targets };
}
