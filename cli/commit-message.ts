import { VarveError } from "../core/errors.js";

/** Where a message may be left out, an empty one is an unset variable or a slip. @throws VarveError USAGE. */
export function refuseEmptyMessage(message: string | undefined, verb: "import" | "run" | "squash"): void {
  if (message === undefined || message.trim() !== "") return;
  throw new VarveError("USAGE", `Cannot ${verb} with an empty message: wanted what the commit is about`, {
    hint: "Say it, or leave -m out. If it came from a variable, that is not set.",
  });
}
