import test from "ava";
import { joinPath, type ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode } from "../../../core/model/tree.js";
import { nodeAt } from "../../../core/model/paths.js";
import { selectTree } from "../../../core/trees/select-tree.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const TREE = memoryTree([
  { path: "", type: "directory" },
  { path: "a", type: "directory" },
  { path: "a/b", type: "directory" },
  { path: "a/b/f", type: "file", content: "1" },
  { path: "a/g", type: "file", content: "2" },
  { path: "c", type: "directory" },
  { path: "empty", type: "directory" },
]);

function paths(places: readonly string[]): string[] {
  const found: string[] = [];
  const visit = (node: DirectoryNode, path: ByteString): void => {
    found.push(path);
    for (const [name, child] of node.children()) {
      if ("children" in child) visit(child, joinPath(path, name));
      else found.push(joinPath(path, name));
    }
  };
  visit(selectTree(TREE, selectPlaces(places as ByteString[])).root, "" as ByteString);
  return found;
}

test("selectTree() keeps what is selected, what stands below, and the directories that lead there", (t) => {
  t.deepEqual(paths(["a/b"]), ["", "a", "a/b", "a/b/f"]);
  t.deepEqual(paths(["empty", "a/g"]), ["", "a", "a/g", "empty"]);
  t.deepEqual(paths(["none"]), [""]);
});

test("child() of a selected tree gives what children() gives", (t) => {
  const tree = selectTree(TREE, selectPlaces(["a/b" as ByteString]));
  t.truthy(nodeAt(tree, "a/b/f" as ByteString));
  t.is(nodeAt(tree, "a/g" as ByteString), undefined);
  t.is(nodeAt(tree, "c" as ByteString), undefined);
});
