import { VarveError } from "../core/errors.js";
import type { NeedingCommits } from "../core/maintenance/needing-commits.js";
import { exitStatusOf } from "./exit-status.js";
import { printableLine, printableText } from "./printable.js";
import { shortId } from "./render/names.js";

export interface FailureReport {
  /** For stdout: the JSON of the failure, or nothing. */
  readonly data: string;
  /** For stderr. */
  readonly talk: string;
  readonly exitStatus: number;
}

export interface ReportOptions {
  readonly json: boolean;
  /** The command's name, once it is known. */
  readonly command: string | undefined;
  /** VARVE_DEBUG: show where the failure was thrown. */
  readonly debug: boolean;
  /** The commits that a damaged layer is needed by. */
  readonly needing?: NeedingCommits | undefined;
}

/** The single place where a failure becomes words and an exit status. */
export function reportFailure(thrown: unknown, { json, command, debug, needing }: ReportOptions): FailureReport {
  const error = thrown instanceof VarveError ? thrown : unexpected(thrown);
  const exitStatus = exitStatusOf(error.code, command);
  const trace = debug ? `${printableText(traceOf(error))}\n` : "";
  if (json) return { data: failureJson(error, needing), talk: trace, exitStatus };
  return { data: "", talk: `${failureWords(error, needing)}${trace}`, exitStatus };
}

function failureWords({ message, path, hint }: VarveError, needing?: NeedingCommits): string {
  const lines = [`varve: error: ${printableLine(message)}`];
  // Said once is enough.
  if (path !== undefined && !message.includes(`"${path}"`)) lines.push(`varve: path: ${printableLine(path)}`);
  for (const { id, message: says } of needing?.newest ?? []) lines.push(`varve: commit: ${shortId(id)} ${firstLine(says)}`);
  if (needing !== undefined && needing.more > 0) lines.push(`varve: commit: and ${needing.more.toLocaleString("en-US")} more`);
  for (const line of hint === undefined ? [] : printableText(hint).split("\n")) lines.push(`varve: hint: ${line}`);
  return `${lines.join("\n")}\n`;
}

function failureJson({ code, message, path, hint }: VarveError, needing?: NeedingCommits): string {
  const commits = needing && { commits: needing.newest, moreCommits: needing.more };
  return `${JSON.stringify({ error: { code, message, path: path ?? null, hint: hint ?? null, ...commits } })}\n`;
}

function firstLine(message: string): string {
  return printableLine(message.split("\n", 1)[0] ?? "");
}

const FROM_THE_SYSTEM: Readonly<Record<string, "PERMISSION" | "DISK_FULL">> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
};

/** What no part of varve has turned into its own error: a failure of the system that slipped through, or a mistake of ours. */
function unexpected(thrown: unknown): VarveError {
  if (thrown instanceof Error && "syscall" in thrown && "code" in thrown && typeof thrown.code === "string") {
    if (thrown.syscall === "uv_cwd") return nowhere(thrown);
    const code = FROM_THE_SYSTEM[thrown.code] ?? "IO";
    const path = "path" in thrown && typeof thrown.path === "string" ? thrown.path : undefined;
    return new VarveError(code, `Cannot complete the system call ${String(thrown.syscall)}: it gave ${thrown.code}`, {
      path,
      cause: thrown,
    });
  }
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const hint = "This is a mistake in varve, not in what you typed. Run it again with VARVE_DEBUG=1 and report what it prints.";
  return new VarveError("BUG", `Cannot go on: ${what}`, { hint, cause: thrown });
}

function nowhere(cause: Error): VarveError {
  const hint = "Change to a directory that is there.";
  return new VarveError("IO", "Cannot tell where this command was given: the current directory has been removed", {
    hint,
    cause,
  });
}

function traceOf(error: Error): string {
  const lines = [error.stack ?? String(error)];
  let cause = error.cause;
  while (cause !== undefined) {
    lines.push(`caused by ${cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines.join("\n");
}
