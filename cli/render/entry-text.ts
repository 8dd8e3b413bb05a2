import type { ByteString } from "../../core/model/byte-string.js";
import type { Entry, EntryType } from "../../core/model/entry.js";
import { printableName } from "../printable.js";
import { deviceText } from "./change-text.js";
import { isoNanoseconds } from "./timestamps.js";

const TYPE_LETTER: Readonly<Record<EntryType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  character: "c",
  block: "b",
};

/** A line of `ls -l`: `-rw-r--r--  0:0  120  2001-02-03 04:05:06  hosts`. Owners are numbers: names belong to a system, not to a tree. */
export function longLine(name: ByteString, entry: Entry): string {
  const owner = `${entry.uid}:${entry.gid}`.padEnd(9);
  const size = (entry.type === "file" ? String(entry.size) : deviceText(entry)).padStart(10);
  const time = isoNanoseconds(entry)
    .replace("T", " ")
    .replace(/\.\d+Z$/, "");
  const target = entry.type === "symlink" ? ` -> ${printableName(entry.target)}` : "";
  return `${permissions(entry)}  ${owner} ${size}  ${time}  ${printableName(name)}${target}`;
}

/** As ls(1) shows them: `-rwsr-xr-x`. */
export function permissions({ type, mode }: Entry): string {
  const triple = (shift: number, special: boolean, letter: string): string => {
    const bits = (mode >> shift) & 7;
    const run = bits & 1 ? (special ? letter : "x") : special ? letter.toUpperCase() : "-";
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + run;
  };
  const [user, group, other] = [
    triple(6, (mode & 0o4000) !== 0, "s"),
    triple(3, (mode & 0o2000) !== 0, "s"),
    triple(0, (mode & 0o1000) !== 0, "t"),
  ];
  return `${TYPE_LETTER[type]}${user}${group}${other}`;
}
