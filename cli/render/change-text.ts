import type { Change, ChangeReason, ChangeStatus } from "../../core/model/change.js";
import type { Entry, Xattr } from "../../core/model/entry.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { printableName, printablePath } from "../printable.js";
import type { Style, Terminal } from "../terminal.js";
import { counted, readableBytes } from "./quantities.js";

export const STATUS_STYLE: Readonly<Record<ChangeStatus, Style>> = {
  A: "green",
  M: "yellow",
  D: "red",
  T: "yellow",
  R: "cyan",
  C: "cyan",
};

/** A change for people, without what shows it: `M  /etc/hosts  content mode 0644→0755`. */
export function changeLine(change: Change, paint: Terminal["paint"]): string {
  const { status, path, from } = change;
  const name = from === undefined ? printablePath(path) : `${printablePath(from)} → ${printablePath(path)}`;
  const why = reasonWords(change);
  const slash = (change.after ?? change.before)?.entry.type === "directory" && path !== "" ? "/" : "";
  return `${paint(STATUS_STYLE[status], status)}  ${name}${slash}${why === "" ? "" : `  ${paint("dim", why)}`}`;
}

/** What stands behind a directory that is shown for all below it. */
export function belowWords(below: number): string {
  return below === 0 ? "" : `  (and ${counted(below, "entry", "entries")} below)`;
}

/** For programs that want no JSON, as `git diff --name-status`: status, tab, path; two paths for a rename. */
export function nameStatusLine({ status, path, from }: Change): string {
  return [status, ...(from === undefined ? [] : [printablePath(from)]), printablePath(path)].join("\t");
}

/** Why a path is listed as changed, with the values where they are short: `mode 0644→0755 owner 0:0→1000:1000`. */
export function reasonWords({ reasons, before, after }: Change): string {
  if (before === undefined || after === undefined) return "";
  return reasons.map((reason) => reasonText(reason, { before, after })).join(" ");
}

export function reasonText(reason: ChangeReason, change: Pick<Change, "before" | "after">): string {
  const [before, after] = [change.before?.entry, change.after?.entry];
  return before === undefined || after === undefined ? reason : differenceText(reason, before, after);
}

function differenceText(reason: ChangeReason, before: Entry, after: Entry): string {
  switch (reason) {
    case "mode":
      return `mode ${modeText(before.mode)}→${modeText(after.mode)}`;
    case "owner":
      return `owner ${before.uid}:${before.gid}→${after.uid}:${after.gid}`;
    case "type":
      return `type ${before.type}→${after.type}`;
    case "xattr":
      return `xattr ${changedNames(before.xattrs, after.xattrs).map(printableName).join(",")}`;
    case "link":
      return linkText(before, after);
    case "content":
    case "mtime":
      return reason;
  }
}

function linkText(before: Entry, after: Entry): string {
  if (before.type === "symlink" && after.type === "symlink" && before.target !== after.target) {
    return `link ${printableName(before.target)}→${printableName(after.target)}`;
  }
  return deviceText(before) === deviceText(after) ? "link" : `link ${deviceText(before)}→${deviceText(after)}`;
}

/** `1:3`, or nothing for what is no device. */
export function deviceText(entry: Entry): string {
  return "major" in entry ? `${entry.major}:${entry.minor}` : "";
}

/** Four octal digits: the first holds setuid, setgid and sticky. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

export function xattrNames(xattrs: readonly Xattr[]): string {
  return xattrs.map(({ name }) => printableName(name)).join(",");
}

function changedNames(before: readonly Xattr[], after: readonly Xattr[]): readonly ByteString[] {
  const value = (xattrs: readonly Xattr[], wanted: ByteString): string | undefined => {
    const found = xattrs.find(({ name }) => name === wanted);
    return found === undefined ? undefined : Buffer.from(found.value).toString("latin1");
  };
  const names = new Set([...before, ...after].map(({ name }) => name));
  return [...names].sort().filter((name) => value(before, name) !== value(after, name));
}

/** Names that are longer stand out of their column, so that one of them does not push all sizes off the screen. */
const WIDEST_NAME = 60;

/** Each path's change of size, in columns: `M  /etc/hosts | 120 B → 134 B`, and for a rename both names, as in git. */
export function statLines(changes: readonly Change[], paint: Terminal["paint"]): readonly string[] {
  const names = changes.map(({ path, from }) => (from === undefined ? "" : `${printablePath(from)} => `) + printablePath(path));
  const width = names.reduce((widest, { length }) => Math.max(widest, Math.min(length, WIDEST_NAME)), 0);
  return changes.map((change, index) => {
    const status = paint(STATUS_STYLE[change.status], change.status);
    return `${status}  ${(names[index] ?? "").padEnd(width)} | ${sizeWords(change)}`;
  });
}

function sizeWords(change: Change): string {
  const size = (node: Change["before"]): string | undefined =>
    node !== undefined && "content" in node ? readableBytes(node.entry.size) : undefined;
  const before = size(change.before);
  const after = size(change.after);
  return before === after ? (after ?? "no content") : [before ?? "none", after ?? "none"].join(" → ");
}

/** `3 paths differ: 1 added, 2 modified`. */
export function changeSummary(changes: readonly Change[]): string {
  const words: Readonly<Record<ChangeStatus, string>> = {
    A: "added",
    M: "modified",
    T: "of another type",
    R: "renamed",
    C: "copied",
    D: "deleted",
  };
  const parts = (Object.keys(words) as ChangeStatus[])
    .map((status) => ({ status, count: changes.filter((change) => change.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count.toLocaleString("en-US")} ${words[status]}`);
  const differs = changes.length === 1 ? "differs" : "differ";
  return parts.length === 0 ? "No path differs" : `${counted(changes.length, "path")} ${differs}: ${parts.join(", ")}`;
}
