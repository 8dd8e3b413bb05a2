import { ROW_WORDS, type StatTable, WORD } from "../directory/stat-table.js";

/**
 * Whether the rows of an index are a tree: each but the first is the child of one row before it, and no name leads elsewhere. What follows
 * their numbers then comes to an end and stays within the directory, whoever wrote the file.
 *
 * @param nameBytes The names in the order of the rows, each with a NUL behind it; the root's is empty.
 */
export function areRowsSound({ words, length }: StatTable, nameBytes: Buffer): boolean {
  if (length === 0 || words[WORD.parent] !== 0 || !areNamesSound(nameBytes)) return false;
  let children = 0;
  for (let row = 0; row < length; row++) {
    const at = row * ROW_WORDS;
    const count = words[at + WORD.childCount]!;
    if (count === 0) continue;
    const first = words[at + WORD.firstChild]!;
    if (first <= row || first + count > length) return false;
    for (let child = first; child < first + count; child++) if (words[child * ROW_WORDS + WORD.parent] !== row) return false;
    children += count;
  }
  // Nobody has two parents, so none is without.
  return children === length - 1;
}

function areNamesSound(nameBytes: Buffer): boolean {
  const names = (...parts: string[]): Buffer => Buffer.from(["", ...parts, ""].join("\0"));
  return nameBytes[0] === 0 && ![Buffer.from("/"), names(""), names("."), names("..")].some((each) => nameBytes.includes(each));
}
