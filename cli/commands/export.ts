import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { exportTree } from "../../core/operations/export-tree.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import { VarveError } from "../../core/errors.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";

const options = {
  output: { type: "string", alias: "o", value: "FILE", describe: "Write to FILE in place of stdout" },
} as const;

export const exportCommand: Command = command(
  {
    name: "export",
    form: "REV [-o FILE]",
    summary: "Write a tree as a tar archive",
    description: `Writes the tree of REV (a revision, @ or @NAME) as a PAX tar, the same bytes for the same tree. Sockets have no place
in a tar: they are left out, with a warning. To stdout, unless that is a terminal.`,
    words: [{ name: "REV", required: true }],
    options,
    examples: [
      ["varve export base -o base.tar", "to a file"],
      ["varve export @web | zstd > web.tar.zst", "a container as it is now, compressed"],
    ],
    statuses: [["20", "no such revision"]],
  },
  async ({ words: [revision = ""], options: { output }, session }) => {
    const toStdout = output === undefined || output === "-";
    if (toStdout) refuseStdout(session);
    const repository = await openRepository(session);
    const side = await parseSide(repository, revision);
    const { skipped } = toStdout
      ? await exportTree(repository, side, async (chunk) => session.terminal.write(chunk))
      : await exportToFile(repository, side, output);
    for (const path of skipped) session.terminal.complain(`varve: warning: Left out ${path}: a tar can't hold a socket.\n`);
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

/** A file that is half-written when something fails is removed: it would look like an archive. */
async function exportToFile(repository: Repository, side: Side, file: string): ReturnType<typeof exportTree> {
  const descriptor = openSync(file, "w");
  try {
    return await exportTree(repository, side, async (chunk) => {
      for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at);
    });
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
