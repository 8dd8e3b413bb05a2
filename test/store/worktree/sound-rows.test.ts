import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import { FileStat } from "../../../linux/stat.js";
import { StatTable, WORD } from "../../../store/directory/stat-table.js";
import { areRowsSound } from "../../../store/worktree/sound-rows.js";

/** `/a/x`, `/a/y`, `/b`. */
function rows(): StatTable {
  const table = new StatTable();
  const stat = new FileStat();
  for (const [parent, name] of [
    [0, ""],
    [0, "a"],
    [0, "b"],
    [1, "x"],
    [1, "y"],
  ] as const)
    table.append(parent, name as ByteString, stat);
  const children = (row: number, first: number, count: number): void => {
    table.setWord(row, WORD.firstChild, first);
    table.setWord(row, WORD.childCount, count);
  };
  children(0, 1, 2);
  children(1, 3, 2);
  return table;
}

function isSound(table: StatTable): boolean {
  return areRowsSound(table, Buffer.from(`${table.names.join("\0")}\0`));
}

test("areRowsSound() of rows that are a tree is true", (t) => t.true(isSound(rows())));

const HOSTILE: readonly (readonly [what: string, change: (table: StatTable) => void])[] = [
  ["no rows", (table) => void (table.length = 0)],
  ["a directory that is its own child", (table) => table.setWord(1, WORD.firstChild, 1)],
  ["children before their parent", (table) => table.setWord(3, WORD.childCount, 1)],
  ["2^32 - 1 children", (table) => table.setWord(1, WORD.childCount, 0xffffffff)],
  ["children past the last row", (table) => table.setWord(1, WORD.firstChild, 4)],
  ["a parent past the last row", (table) => table.setWord(3, WORD.parent, 99)],
  ["a parent that has other children", (table) => table.setWord(3, WORD.parent, 0)],
  ["a row that is nobody's child", (table) => table.setWord(1, WORD.childCount, 1)],
  ["a root with a parent", (table) => table.setWord(0, WORD.parent, 1)],
  ["a root with a name", (table) => void (table.names[0] = "x" as ByteString)],
  ["a name that is a path", (table) => void (table.names[3] = "../x" as ByteString)],
  ["the name ..", (table) => void (table.names[4] = ".." as ByteString)],
  ["the name .", (table) => void (table.names[1] = "." as ByteString)],
  ["an empty name", (table) => void (table.names[2] = "" as ByteString)],
];

for (const [what, change] of HOSTILE) {
  test(`areRowsSound() of ${what} is false`, (t) => {
    const table = rows();
    change(table);
    t.false(isSound(table));
  });
}
