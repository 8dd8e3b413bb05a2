import { VarveError } from "../../core/errors.js";
import { shellLine } from "../shell-line.js";

/** The options that say what a new container is called, and where its commits go. */
export const PLACE_OPTIONS = {
  name: { type: "string", value: "NAME", describe: "The container's name (default: one is found)" },
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "The branch that its commits go to (default: named after it)",
  },
} as const;

/** The image's own command comes with image configurations. @throws VarveError USAGE. */
export function requireCommand(rest: readonly string[], revision: string): void {
  if (rest.length > 0) return;
  throw new VarveError("USAGE", "Cannot run a process: its command is missing", {
    hint: `Give it after "--", such as: varve run ${shellLine([revision])} -- sh`,
  });
}
