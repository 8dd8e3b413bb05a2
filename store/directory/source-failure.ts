import { textOf, type ByteString } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";
import { errnoOf, systemFailure } from "../system-failure.js";

/** What became of a path between the walk and the reading of it. */
const CHANGED = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ESTALE", "EXDEV", "ENXIO", "EINVAL"]);
const UNREADABLE = new Set(["EACCES", "EPERM"]);

/** Turns a failure to read a live path into SOURCE_CHANGED, SOURCE_UNREADABLE, or what `systemFailure` makes of it. */
export function sourceFailure(error: unknown, path: ByteString): unknown {
  const name = errnoOf(error);
  if (name !== undefined && CHANGED.has(name)) return sourceChanged(path, error);
  const text = textOf(path);
  if (name === undefined || !UNREADABLE.has(name)) return systemFailure(`read "${text}"`, error, text);
  return new VarveError("SOURCE_UNREADABLE", `Cannot read "${text}": permission denied, wanted read access`, {
    path: text,
    hint: "Run the command as a user who may read it, such as root, or leave the path out with .varveignore or --exclude.",
    cause: error,
  });
}

export function sourceChanged(path: ByteString, cause?: unknown): VarveError {
  const text = textOf(path);
  return new VarveError("SOURCE_CHANGED", `Cannot read "${text}": it changed while it was read, wanted a file at rest`, {
    path: text,
    hint: "Stop what writes there, or pause it, then run the command again.",
    cause,
  });
}
