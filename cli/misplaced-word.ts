import { VarveError } from "../core/errors.js";
import { shellLine } from "./shell-line.js";

/** For a word that is no revision: what was meant by those who know other programs. @param words Of the command that does it. */
export function misplacedWord(error: unknown, words: readonly string[]): unknown {
  if (!(error instanceof VarveError) || error.code !== "REVISION_UNKNOWN") return error;
  const hint = `Did you mean "varve ${shellLine(words)}"? ${error.hint ?? ""}`.trim();
  return new VarveError(error.code, error.message, { path: error.path, hint, cause: error });
}
