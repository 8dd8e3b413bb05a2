import { textOf, type ByteString } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";
import type { Xattr } from "../../core/model/entry.js";
import { S_IFCHR, S_IFDIR, S_IFMT, S_IFREG } from "../../linux/stat.js";
import { getXattr, listXattrs } from "../../linux/xattr.js";
import type { LiveDirectory, XattrReader } from "./live-directory.js";
import { readXattrs } from "./live-xattrs.js";
import { sourceFailure } from "./source-failure.js";
import { WORD } from "./stat-table.js";

/** Where overlayfs keeps its own xattrs: `user.overlay.` when it was mounted with `userxattr`. */
export type OverlayPrefix = "trusted.overlay." | "user.overlay.";

/** What an entry of an upper directory says to overlayfs. */
export interface OverlayMarks {
  /** The name is deleted. */
  readonly whiteout: boolean;
  /** Nothing of the lower directory shows. */
  readonly opaque: boolean;
  /** The metadata is its own, the content still the lower file's. */
  readonly metacopy: boolean;
  /** Where in the lower tree it came from: a name in the parent's lower directory, or a path that begins with a slash. */
  readonly redirect: ByteString | undefined;
}

const NO_MARKS: OverlayMarks = { whiteout: false, opaque: false, metacopy: false, redirect: undefined };
const WHITEOUT: OverlayMarks = { ...NO_MARKS, whiteout: true };

/** @throws VarveError SOURCE_CHANGED, SOURCE_UNREADABLE. */
export function overlayMarks(upper: LiveDirectory, row: number, prefix: OverlayPrefix): OverlayMarks {
  const { table } = upper;
  const type = table.word(row, WORD.mode) & S_IFMT;
  if (isWhiteoutDevice(upper, row)) return WHITEOUT;
  if (type !== S_IFDIR && type !== S_IFREG) return NO_MARKS;
  const name = table.names[row]!;
  try {
    const directory = upper.openParent(row);
    const names = listXattrs(directory, name);
    const has = (mark: string): boolean => names.includes(prefix + mark);
    if (type === S_IFREG && has("whiteout") && table.unsigned64(row, WORD.size) === 0) return WHITEOUT;
    return {
      whiteout: false,
      // Any other value, such as `x`, is not opaque: the directory holds whiteouts in the form of xattrs.
      opaque: type === S_IFDIR && has("opaque") && textOfValue(getXattr(directory, name, `${prefix}opaque`)) === "y",
      metacopy: type === S_IFREG && has("metacopy"),
      redirect: has("redirect") ? (textOfValue(getXattr(directory, name, `${prefix}redirect`)) as ByteString) : undefined,
    };
  } catch (error) {
    throw sourceFailure(error, upper.placeOf(row));
  }
}

export function isWhiteoutDevice({ table }: LiveDirectory, row: number): boolean {
  const isCharacter = (table.word(row, WORD.mode) & S_IFMT) === S_IFCHR;
  return isCharacter && table.word(row, WORD.rdevMajor) === 0 && table.word(row, WORD.rdevMinor) === 0;
}

function textOfValue(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString("latin1");
}

/** Reads xattrs as the mounted overlay shows them: its own taken out, escaped ones (`overlay.overlay.`, Linux 6.7) as they were set. */
export function shownXattrs(prefix: OverlayPrefix): XattrReader {
  const escaped = `${prefix}overlay.`;
  return (directory, name) => {
    const all = readXattrs(directory, name);
    if (!all.some(({ name: xattr }) => xattr.startsWith(prefix))) return all;
    const shown: Xattr[] = [];
    for (const { name: xattr, value } of all) {
      if (xattr.startsWith(escaped)) shown.push({ name: (prefix + xattr.slice(escaped.length)) as ByteString, value });
      else if (!xattr.startsWith(prefix)) shown.push({ name: xattr, value });
    }
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
}

/** For an upper directory that refers to what its base does not hold. */
export function upperDamaged(path: ByteString, state: string): VarveError {
  const text = textOf(path);
  return new VarveError("STORE_DAMAGED", `Cannot read "${text}": ${state}`, {
    path: text,
    hint: "The upper directory does not belong to this base, or was changed by hand.",
  });
}
