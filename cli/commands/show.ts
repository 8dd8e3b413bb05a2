import { diffSides } from "../../core/operations/diff-sides.js";
import type { LogEntry } from "../../core/operations/history/read-log.js";
import type { Tag } from "../../core/model/commit.js";
import type { RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { nodeAt } from "../../core/model/paths.js";
import { openSide, parseSide } from "../../core/operations/sides.js";
import { headOf, type Target } from "../../core/operations/targets.js";
import { isRefName, TAGS } from "../../core/revision/ref-names.js";
import { splitRevisionPath } from "../../core/revision/parse-revision.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { FORM_OPTIONS, printDifference } from "../render/difference.js";
import { logEntryJson } from "../render/commit-json.js";
import { commitText } from "../render/commit-text.js";
import { printJson } from "../render/json-array.js";
import { entryOf, foldedChangeLines, headBranch } from "../render/shown-commit.js";
import { annotationJson, tagText } from "../render/tag-text.js";
import { commitOf, findSidePath, splitSidePath } from "../revision-words.js";

export const showCommand: Command = command(
  {
    name: "show",
    form: "[REV | REV:PATH] [-- PATH…]",
    summary: "Show one commit and what it changed, or what it holds at a path",
    description: `Shows the commit that REV names (default: HEAD), how it was made, and what it changed against its first parent. A directory that
came or went is one line; "varve diff REV~1 REV" lists everything. REV:PATH shows a file's content, as "varve cat" does, or a
directory's names, as "varve ls" does.`,
    words: [{ name: "REV", required: false }],
    rest: "paths",
    options: FORM_OPTIONS,
    paged: true,
    examples: [
      ["varve show", "the last commit of the tracked directory's branch"],
      ["varve show base~1", "the one before base"],
      ["varve show -p", "the lines that it changed"],
      ["varve show --stat v1 -- /etc", "what v1 changed below a directory, with sizes"],
      ["varve show v1:/etc/hosts", "a file as it was in v1"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "no such path in that commit"],
    ],
  },
  async ({ words: [word = "HEAD"], rest, options: form, session }) => {
    if (await hasPath(session, word)) return showPath(session, word);
    const { terminal, json } = session;
    const { repository, entry, head, targets } = await shownEntry(session, word);
    const { commit } = entry;
    const tag = await annotationOf(repository, word);
    const before = { kind: "commit", commit: commit.parents[0] } as const;
    const paths = await selectionOf(rest, repository, targets);
    const difference = await diffSides(repository, before, { kind: "commit", commit: commit.id }, { paths });
    try {
      const { changes } = difference;
      if (json) {
        const annotation = tag && { annotation: annotationJson(tag) };
        return printJson(terminal, {
          ...logEntryJson(entry),
          config: entry.commit.config ?? null,
          ...annotation,
          changes: changes.map(changeJson),
        });
      }
      if (tag !== undefined) terminal.print(`${tagText(tag, terminal.paint)}\n`);
      terminal.print(`${commitText(entry, head, terminal.paint)}\n`);
      await printDifference(terminal, changes, form, () => foldedChangeLines(changes, terminal.paint));
    } finally {
      difference.close();
    }
  },
);

/** Of a word that names an annotated tag, and nothing beyond it. */
async function annotationOf({ history }: Repository, word: string): Promise<Tag | undefined> {
  for (const name of [word, `${TAGS}${word}`]) {
    if (name.startsWith(TAGS) && isRefName(name)) return history.readTag(name as RefName);
  }
  return undefined;
}

async function hasPath(session: Session, word: string): Promise<boolean> {
  if (splitRevisionPath(word).path === undefined) return false;
  return (await findSidePath(await openRepository(session), word)).path !== undefined;
}

/** What `cat` shows of a file, and `ls` of anything else. */
async function showPath(session: Session, word: string): Promise<void> {
  const repository = await openRepository(session);
  const { side, path } = await splitSidePath(repository, word);
  const tree = await openSide(repository, await parseSide(repository, side));
  const node = nodeAt(tree, path);
  tree.close();
  const isFile = node !== undefined && "content" in node;
  const shown = isFile ? (await import("./cat.js")).catCommand : (await import("./ls.js")).lsCommand;
  await shown.run({ words: [word], rest: undefined, options: {}, session });
}

interface ShownEntry {
  readonly repository: Repository;
  readonly entry: LogEntry;
  /** The branch that is marked as HEAD. */
  readonly head: RefName | undefined;
  readonly targets: readonly Target[];
}

async function shownEntry(session: Session, word: string): Promise<ShownEntry> {
  const found = word.startsWith(":") ? undefined : await findWordTarget(session, word);
  const repository = found?.repository ?? (await openRepository(session));
  const head = found === undefined ? await headBranch(repository) : (await headOf(repository, found.target)).branch;
  const from = await commitOf(repository, found === undefined ? word : "HEAD", found === undefined ? undefined : head);
  const targets = found === undefined ? [] : [found.target];
  return { repository, entry: await entryOf(repository, from), head, targets };
}
