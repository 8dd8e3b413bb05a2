import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { exportTree } from "../../core/operations/export-tree.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import { VarveError } from "../../core/errors.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
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
    if (toStdout) refuseStdout(session);
    const repository = await openRepository(session);
    const side = await parseSide(repository, revision);
    const paths = await selectionOf(rest, repository, [side]);
    const { skipped } = toStdout
      ? await exportTree(repository, side, async (chunk) => session.terminal.write(chunk), paths)
      : await exportToFile(repository, side, paths, output);
    for (const name of skipped)
      session.terminal.complain(`varve: warning: Left out ${printableLine(name)}: a tar can't hold a socket.\n`);
    for (const word of paths.unmatched())
      session.terminal.complain(`varve: warning: No path matches ${printableLine(shellLine([word]))}.\n`);
    if (toStdout) return;
    if (session.json) printJson(session.terminal, { file: output, skipped });
    else session.terminal.say(`Wrote ${output}`);
  },
);

function refuseStdout({ terminal, json }: Session): void {
  const hint = "Name a file with -o, or send it on: varve export REV | …";
  if (terminal.interactive)
    throw new VarveError("USAGE", "Cannot write an archive to the terminal: wanted a file or a pipe", { hint });
  if (json) throw new VarveError("USAGE", "Cannot write an archive and JSON to stdout: wanted -o FILE", { hint });
}

/**
 * The archive appears under its name once it is whole; one that stood there until then is lost only to a whole one. What is no
 * plain file, such as a FIFO, is written to as it is.
 */
async function exportToFile(
  repository: Repository,
  side: Side,
  paths: PathSelection,
  file: string,
): ReturnType<typeof exportTree> {
  const isPlain = isPlainFile(file);
  const scratch = isPlain ? `${file}.varve-${process.pid}` : file;
  const descriptor = openOutput(scratch, file);
  try {
    const result = await exportTree(
      repository,
      side,
      async (chunk) => {
        for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
      },
      paths,
    );
    if (isPlain) renameSync(scratch, file);
    return result;
  } catch (error) {
    if (isPlain) rmSync(scratch, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Whether it is one, or can become one. */
function isPlainFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch (error) {
    throw outputFailure(error, file);
  }
}

function openOutput(scratch: string, file: string): number {
  try {
    return openSync(scratch, "w");
  } catch (error) {
    throw outputFailure(error, file);
  }
}

function outputFailure(cause: unknown, file: string): unknown {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const options = { path: path.resolve(file), cause };
  if (code === "ENOENT" || code === "ENOTDIR")
    return new VarveError("PATH_MISSING", `Cannot write "${file}": its directory does not exist`, options);
  if (code === "EISDIR") return new VarveError("WRONG_TYPE", `Cannot write "${file}": it is a directory, wanted a file`, options);
  if (code === "ENAMETOOLONG") return new VarveError("UNSUPPORTED", `Cannot write "${file}": its name is too long`, options);
  if (code !== "EACCES" && code !== "EROFS") return cause;
  const hint = "Name a file in a directory that you may write to.";
  return new VarveError("PERMISSION", `Cannot write "${file}": permission denied`, { ...options, hint });
}
