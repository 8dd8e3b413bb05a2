import type { Commit, Origin } from "../../core/model/commit.js";
import type { RefName } from "../../core/model/ids.js";
import type { CommitResult } from "../../core/operations/commit-target.js";
import type { LogEntry } from "../../core/operations/history/read-log.js";
import { printableLine, printableText } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { refText, shortId } from "./names.js";
import { shellLine } from "../shell-line.js";
import { counted, readableBytes, readableDuration } from "./quantities.js";
import { readableTime } from "./timestamps.js";

type Paint = Terminal["paint"];

/** A commit as `git log` shows it, and what its layer holds. */
export function commitText({ commit, refs }: LogEntry, head: RefName | undefined, paint: Paint): string {
  const { author, parents, message, origin } = commit;
  const lines = [
    paint("yellow", `commit ${commit.id}`) + refsText(refs, head, paint),
    ...(parents.length > 1 ? [`Merge:  ${parents.map(shortId).join(" ")}`] : []),
    `Author: ${printableLine(author.name)} <${printableLine(author.email)}>`,
    `Date:   ${readableTime(author)}`,
    `Layer:  ${commit.layer.slice(0, 12)} (${layerWords(commit)})`,
    ...(origin === undefined ? [] : [`Run:    ${originWords(origin)}`]),
    "",
    ...printableText(message)
      .split("\n")
      .map((line) => `    ${line}`.trimEnd()),
  ];
  return `${lines.join("\n")}\n`;
}

/** `make install (exit 0 after 1.2 s)`. */
function originWords({ command, exitCode, durationMilliseconds }: Origin): string {
  return `${printableLine(shellLine(command))} (exit ${exitCode} after ${readableDuration(durationMilliseconds)})`;
}

/** `log --oneline`. */
export function commitLine({ commit, refs }: LogEntry, head: RefName | undefined, paint: Paint): string {
  return `${paint("yellow", shortId(commit.id))}${refsText(refs, head, paint)} ${subject(commit)}\n`;
}

/** `[main 1a2b3c4d5e] the subject`, then what the commit holds: talk, after a commit was made. */
export function commitReport({ commit, branch, ignored }: CommitResult): string {
  const first = commit.parents.length === 0 ? " (first commit)" : "";
  return `[${refText(branch)} ${shortId(commit.id)}]${first} ${subject(commit)}\n ${layerWords(commit)}${besides(commit.sockets, ignored)}`;
}

function besides(sockets: number, ignored: number): string {
  const kept = sockets === 0 ? "" : `; ${counted(sockets, "socket")} kept as a name alone`;
  return ignored === 0 ? kept : `${kept}; ${counted(ignored, "path")} ignored`;
}

export function subject({ message }: Commit): string {
  return printableLine(message.split("\n")[0] ?? "");
}

function layerWords({ added, modified, deleted, storedBytes }: Commit): string {
  const counts = [
    [added, "added"],
    [modified, "modified"],
    [deleted, "deleted"],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count.toLocaleString("en-US")} ${word}`);
  return `${parts.length === 0 ? counted(0, "path") : parts.join(", ")}; ${readableBytes(storedBytes)} stored`;
}

function refsText(refs: readonly RefName[], head: RefName | undefined, paint: Paint): string {
  if (refs.length === 0) return "";
  const names = refs.map((ref) => {
    if (ref === head) return paint("green", `HEAD → ${refText(ref)}`);
    return ref.startsWith("refs/tags/") ? paint("cyan", `tag: ${refText(ref)}`) : paint("green", refText(ref));
  });
  return ` (${names.sort((a, b) => Number(b.includes("HEAD →")) - Number(a.includes("HEAD →"))).join(", ")})`;
}
