import test from "ava";
import fc from "fast-check";
import path from "node:path";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { applyTree, writeTree } from "../../../store/directory/write-directory.js";
import { byWalk, describeTree, expectedEntry } from "../../contracts/described-tree.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

test("writeTree() of any tree, then openDirectoryTree(), gives the same tree", (t) => {
  const folder = temporaryDirectory(t);
  let run = 0;
  fc.assert(
    fc.property(arbitraryTree, (entries) => {
      const directory = path.join(folder, String(run++));
      writeTree(memoryTree(entries), directory);
      const tree = openDirectoryTree(directory);
      t.deepEqual(
        describeTree(tree),
        entries.toSorted(byWalk).map((entry) => expectedEntry(entry, entries)),
      );
      tree.close();
    }),
    { numRuns: 150 },
  );
});

test("applyTree() makes any tree of any other", (t) => {
  const folder = temporaryDirectory(t);
  let run = 0;
  fc.assert(
    fc.property(arbitraryTree, arbitraryTree, (before, after) => {
      const directory = path.join(folder, String(run++));
      writeTree(memoryTree(before), directory);
      const current = openDirectoryTree(directory);
      applyTree(current, memoryTree(after), directory);
      current.close();
      const tree = openDirectoryTree(directory);
      t.deepEqual(
        describeTree(tree),
        after.toSorted(byWalk).map((entry) => expectedEntry(entry, after)),
      );
      tree.close();
    }),
    { numRuns: 300 },
  );
});
