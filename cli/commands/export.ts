import { exportTree } from "../../core/operations/export-tree.js";
import { parseSide } from "../../core/operations/sides.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { refuseArchiveOnStdout, writeOutput } from "../output-file.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";
import { shellLine } from "../shell-line.js";

const options = {
  output: { type: "string", alias: "o", value: "FILE", describe: "Write to FILE in place of stdout" },
} as const;

export const exportCommand: Command = command(
  {
    name: "export",
    form: "REV [-o FILE] [-- PATH…]",
    summary: "Write a tree as a tar archive",
    description: `Writes the tree of REV (a revision, @ or @NAME) as a PAX tar, the same bytes for the same tree. Sockets have no place
in a tar: they are left out, with a warning. To stdout, unless that is a terminal. With PATH, a path or a pattern, only that, what
stands below it, and the directories that lead there. A path must be there; a pattern that matches nothing gives a warning. ${FROM_WHERE}`,
    words: [{ name: "REV", required: true }],
    rest: "paths",
    options,
    examples: [
      ["varve export base -o base.tar", "to a file"],
      ["varve export base -o etc.tar -- etc '!etc/ssl'", "a part of it"],
      ["varve export @web | zstd > web.tar.zst", "a container as it is now, compressed"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "the tree has no such path, or this machine no directory for FILE"],
    ],
  },
  async ({ words: [revision = ""], rest, options: { output }, session }) => {
    const toStdout = output === undefined || output === "-";
    if (toStdout) refuseArchiveOnStdout(session, "varve export REV");
    const repository = await openRepository(session);
    const side = await parseSide(repository, revision);
    const paths = await selectionOf(rest, repository, [side]);
    const { skipped } = toStdout
      ? await exportTree(repository, side, async (chunk) => session.terminal.write(chunk), paths)
      : await writeOutput(output, (write) => exportTree(repository, side, write, paths));
    for (const name of skipped)
      session.terminal.complain(`varve: warning: Left out ${printableLine(name)}: a tar can't hold a socket.\n`);
    for (const word of paths.unmatched())
      session.terminal.complain(`varve: warning: No path matches ${printableLine(shellLine([word]))}.\n`);
    if (toStdout) return;
    if (session.json) printJson(session.terminal, { file: output, skipped });
    else session.terminal.say(`Wrote ${output}`);
  },
);
