import { VarveError } from "../core/errors.js";

/** Commands that can look at the store as it was: `branch`, `tag` and `stash` as long as they list. */
const LOOKING: readonly string[] =
  "status diff log show ls cat blame find reflog branch tag stash ps checkout export completion".split(" ");

/** The value of --at-op. @throws VarveError USAGE for a command that does more than look. */
export function atOperationOf(command: string, value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (LOOKING.includes(command)) return value;
  throw new VarveError("USAGE", `Cannot use --at-op with varve ${command}: it does not only look at the store`, {
    hint: `Commands that do: ${LOOKING.join(", ")}. To put all back as it was then: varve op restore ID`,
  });
}
