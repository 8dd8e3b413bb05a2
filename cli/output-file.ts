import { closeSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { Session } from "./command.js";
import { claimFolder } from "./open-repository.js";

/** @param line What a pipe may begin with. @throws VarveError USAGE where an archive would go to a terminal, or among JSON. */
export function refuseArchiveOnStdout({ terminal, json }: Session, line: string): void {
  const hint = `Name a file with -o, or send it on: ${line} | …`;
  if (terminal.interactive)
    throw new VarveError("USAGE", "Cannot write an archive to the terminal: wanted a file or a pipe", { hint });
  if (json) throw new VarveError("USAGE", "Cannot write an archive and JSON to stdout: wanted -o FILE", { hint });
}

/**
 * Writes a file that appears under its name once it is whole; one that stood there until then is lost only to a whole one. What is no plain file, such
 * as a FIFO, is written to as it is. What a killed process left beside a file of that name is removed.
 *
 * @throws VarveError PATH_MISSING, WRONG_TYPE, UNSUPPORTED, PERMISSION, DISK_FULL; what `work` throws.
 */
export async function writeOutput<Result>(
  file: string,
  work: (write: (chunk: Uint8Array) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const folder = isPlainFile(file) ? await claimOutput(file, file) : undefined;
  const place = folder?.file ?? file;
  let descriptor: number | undefined;
  try {
    const opened = openOutput(place, file, folder === undefined ? "w" : "wx");
    descriptor = opened;
    const result = await work(async (chunk) => {
      for (let at = 0; at < chunk.length;) at += writePiece(opened, chunk, at, file);
    });
    if (folder !== undefined) renameSync(place, file);
    return result;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
    folder?.release();
  }
}

/**
 * The same for who writes to a file of that name, which is not there yet, and no pipe.
 * @throws VarveError as `writeOutput`; WRONG_TYPE for what is no plain file.
 */
export async function writeOutputFile<Result>(file: string, work: (scratch: string) => Promise<Result>): Promise<Result> {
  if (!isPlainFile(file)) {
    const hint = "Name a file, and copy it from there: dd, or nbdcopy.";
    throw new VarveError("WRONG_TYPE", `Cannot write "${file}": wanted a plain file`, { path: path.resolve(file), hint });
  }
  const folder = await claimOutput(path.resolve(file), file);
  try {
    const result = await work(folder.file);
    renameSync(folder.file, file);
    return result;
  } catch (error) {
    throw error instanceof VarveError && error.path === folder.file ? ofFile(error, path.resolve(file)) : error;
  } finally {
    folder.release();
  }
}

async function claimOutput(place: string, file: string): ReturnType<typeof claimFolder> {
  try {
    return await claimFolder(place);
  } catch (error) {
    throw outputFailure(error, file);
  }
}

/** People know the file by the name that they gave it. */
function ofFile({ code, message, hint, cause }: VarveError, file: string): VarveError {
  return new VarveError(code, message, { path: file, hint, cause });
}

/** Whether it is one, or can become one. */
function isPlainFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch (error) {
    throw outputFailure(error, file);
  }
}

function openOutput(place: string, file: string, flags: "w" | "wx"): number {
  try {
    return openSync(place, flags);
  } catch (error) {
    throw outputFailure(error, file);
  }
}

function writePiece(descriptor: number, chunk: Uint8Array, at: number, file: string): number {
  try {
    return writeSync(descriptor, chunk, at);
  } catch (error) {
    throw outputFailure(error, file);
  }
}

function outputFailure(cause: unknown, file: string): unknown {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const options = { path: path.resolve(file), cause };
  if (code === "ENOENT" || code === "ENOTDIR")
    return new VarveError("PATH_MISSING", `Cannot write "${file}": its directory does not exist`, options);
  if (code === "EISDIR") return new VarveError("WRONG_TYPE", `Cannot write "${file}": it is a directory, wanted a file`, options);
  if (code === "ENAMETOOLONG") return new VarveError("UNSUPPORTED", `Cannot write "${file}": its name is too long`, options);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new VarveError("DISK_FULL", `Cannot write "${file}": the disk is full`, {
      ...options,
      hint: "Free some space, or name a file on another disk. Nothing was left there.",
    });
  if (code === "EFBIG")
    return new VarveError("IO", `Cannot write "${file}": it is larger than a file may be here`, {
      ...options,
      hint: "The filesystem has a limit, or the process (ulimit -f).",
    });
  if (code === "EMFILE")
    return new VarveError("IO", `Cannot write "${file}": too many open files`, {
      ...options,
      hint: "Let a process open more files (ulimit -n), then run the command again.",
    });
  if (code !== "EACCES" && code !== "EROFS") return cause;
  const hint = "Name a file in a directory that you may write to.";
  return new VarveError("PERMISSION", `Cannot write "${file}": permission denied`, { ...options, hint });
}
