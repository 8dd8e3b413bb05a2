import { type ByteString, textOf } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";

/** Ends the reading of an archive: the entry is named by whoever made the function. */
export type Fail = (problem: string, hint?: string) => never;

/** Notes what was dropped or changed; ends the reading when warnings are not wanted. */
export type Warn = (note: string) => void;

const DEFAULT_HINT = "The archive is damaged or was made to do harm. Make it again, or take it from its source again.";

/** What all of this folder call the archive: they see a stream. */
export const UNNAMED_TAR = "the tar";

/** The same failure, told of the archive by its name. What is no fault of the archive comes back as it is. */
export function namedTarFault(error: unknown, name: string): unknown {
  if (!(error instanceof VarveError) || error.code !== "SOURCE_INVALID") return error;
  const { code, path, hint, cause } = error;
  const message = error.message.replace(
    /^Cannot read the tar('s entry)?/,
    (_, entry) => `Cannot read ${name}${entry ? ", entry" : ""}`,
  );
  return new VarveError(code, message, { path, hint, cause });
}

/** @param entry The entry's path as the archive gives it; `undefined` when no entry has begun. */
export function tarFault(entry: ByteString | undefined, problem: string, hint: string = DEFAULT_HINT): VarveError {
  const path = entry === undefined ? undefined : textOf(entry);
  const object = entry === undefined ? UNNAMED_TAR : `the tar's entry ${quoted(entry)}`;
  return new VarveError("SOURCE_INVALID", `Cannot read ${object}: ${problem}`, { path, hint });
}

/** For people: control characters are escaped, so that a name can't draw on a terminal. Long names lose their middle. */
export function quoted(name: ByteString): string {
  const text = textOf(name);
  const short = text.length > 300 ? `${text.slice(0, 200)}…${text.slice(-60)}` : text;

  return JSON.stringify(short).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}
