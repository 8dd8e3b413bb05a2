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

const KERNEL_FILES = "Files of /sys and /proc tell no true size or time: leave them out with --exclude or .varveignore.";

/** A file that ends before its size, though its stat has not changed. */
export function sourceTooShort(path: ByteString, size: number): VarveError {
  const text = textOf(path);
  return new VarveError("SOURCE_CHANGED", `Cannot read "${text}": it ends before the ${size} bytes that its size promises`, {
    path: text,
    hint: `${KERNEL_FILES} Any other file may be damaged, or written to right now.`,
  });
}

export function sourceChanged(path: ByteString, cause?: unknown): VarveError {
  const text = textOf(path);
  return new VarveError("SOURCE_CHANGED", `Cannot read "${text}": it changed while it was read, wanted a file at rest`, {
    path: text,
    hint: /^\/(sys|proc)\//.test(path) ? KERNEL_FILES : "Stop what writes there, or pause it, then run the command again.",
    cause,
  });
}
