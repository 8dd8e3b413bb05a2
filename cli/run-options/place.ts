import { VarveError } from "../../core/errors.js";
import { commandOn, readImageConfig, type ImageProcess } from "../../core/image/read-image-config.js";
import type { CommitId } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { shellLine } from "../shell-line.js";

/** The options that say what a new container starts, what it is called, and where its commits go. */
export const PLACE_OPTIONS = {
  entrypoint: { type: "string", value: "PROGRAM", describe: "Start PROGRAM in place of the image's entrypoint; empty: none" },
  name: { type: "string", value: "NAME", describe: "The container's name (default: one is found)" },
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "The branch that its commits go to (default: named after it)",
  },
} as const;

/** What is started on a commit, by the command line and the commit's image config. @throws VarveError USAGE, SOURCE_INVALID. */
export async function imageCommand(
  { history }: Repository,
  commit: CommitId,
  given: { readonly revision: string; readonly entrypoint: string | undefined; readonly words: readonly string[] },
): Promise<{ readonly image: ImageProcess; readonly command: readonly string[] }> {
  const image = readImageConfig((await history.readCommit(commit)).config);
  const command = commandOn(image, given);
  if (command.length > 0) return { image, command };
  throw new VarveError("USAGE", "Cannot run a process: its command is missing, and the commit's image config has none", {
    hint: `Give it after "--", such as: varve run ${shellLine([given.revision])} -- sh`,
  });
}
