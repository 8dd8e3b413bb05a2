import path from "node:path";
import { checkoutCommit, planCheckout } from "../../core/operations/checkout-commit.js";
import { VarveError } from "../../core/errors.js";
import type { Change } from "../../core/model/change.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { wordMissing } from "../parse-words.js";
import { changeJson } from "../render/change-json.js";
import { printDryRun } from "../render/dry-run.js";
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
    options: { "dry-run": { type: "boolean", alias: "n", describe: "Only show what would be written" } },
    examples: [
      ["varve checkout base ./rootfs", "a branch"],
      ["varve checkout main~3 /tmp/old", "an older commit"],
      ["varve checkout -n base ./rootfs", "what that would write, and whether it can"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["36", "DIR is not empty"],
    ],
  },
  async ({ words: [revision, directory], rest, options: { "dry-run": dryRun }, session }) => {
    if (rest !== undefined) throw pathsAreForRestore(revision, rest);
    if (revision === undefined || directory === undefined) throw wordMissing(FORM, revision === undefined ? "REV" : "DIR");
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const place = path.resolve(directory);
    let changes: readonly Change[] | undefined;
    try {
      if (dryRun) changes = await planCheckout(repository, commit, place);
      else await checkoutCommit(repository, commit, place);
    } catch (error) {
      throw withWayOut(error, revision);
    }
    if (session.json) printJson(session.terminal, { commit, directory: place, dryRun, paths: changes?.map(changeJson) ?? null });
    else if (changes !== undefined) printDryRun(session.terminal, changes, `${shortId(commit)} would be written to ${place}`);
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
