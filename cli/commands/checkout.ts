import path from "node:path";
import { checkoutCommit } from "../../core/operations/checkout-commit.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { wordMissing } from "../parse-words.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { commitOf } from "../revision-words.js";
import { shellLine } from "../shell-line.js";

const FORM = { name: "checkout", form: "REV DIR" } as const;

export const checkoutCommand: Command = command(
  {
    ...FORM,
    summary: "Write a commit's tree into an empty directory",
    description: `Writes the tree of REV into DIR, which must be empty or absent, with owners, times, xattrs, hardlinks, devices and
holes. The directory is a plain copy: it is not tracked. Owners and devices need root. A checkout that fails leaves nothing.`,
    words: [
      { name: "REV", required: false },
      { name: "DIR", required: false },
    ],
    rest: "paths",
    options: {},
    examples: [
      ["varve checkout base ./rootfs", "a branch"],
      ["varve checkout main~3 /tmp/old", "an older commit"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["36", "DIR is not empty"],
    ],
  },
  async ({ words: [revision, directory], rest, session }) => {
    if (rest !== undefined) throw pathsAreForRestore(revision, rest);
    if (revision === undefined || directory === undefined) throw wordMissing(FORM, revision === undefined ? "REV" : "DIR");
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const place = path.resolve(directory);
    try {
      await checkoutCommit(repository, commit, place);
    } catch (error) {
      throw withWayOut(error, revision);
    }
    if (session.json) printJson(session.terminal, { commit, directory: place });
    else session.terminal.say(`Wrote ${shortId(commit)} to ${place}`);
  },
);

/** Without root, tar gives all files to whom it runs as. */
function withWayOut(error: unknown, revision: string): unknown {
  if (!(error instanceof VarveError) || error.code !== "PERMISSION") return error;
  const copy = `${shellLine(["varve", "export", revision])} | tar -x`;
  const hint = `${error.hint ?? ""} For a copy with all files your own, in an empty directory: ${copy}`.trim();
  return new VarveError(error.code, error.message, { path: error.path, hint, cause: error });
}

/** In git `checkout -- PATH` writes into the directory that one works in; here it would be taken for the destination. */
function pathsAreForRestore(revision: string | undefined, paths: readonly string[]): VarveError {
  const source = revision === undefined ? [] : ["--source", revision];
  return new VarveError("USAGE", "Cannot check out single paths: a checkout writes a whole tree into an empty directory", {
    hint: `To make paths what a commit holds: ${shellLine(["varve", "restore", ...source, "--", ...paths])}`,
  });
}
