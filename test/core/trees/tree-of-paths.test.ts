import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode } from "../../../core/model/tree.js";
import { treeOfPaths } from "../../../core/trees/tree-of-paths.js";
import { describeTree } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = (path: string) => ({ path, type: "directory" as const });
const file = (path: string) => ({ path, type: "file" as const, content: path });
const whole = memoryTree([directory(""), directory("a"), file("a/1"), file("a/2"), directory("b"), file("b/3"), file("c")]);

test("treeOfPaths() holds the paths and what leads to them, and nothing else", (t) => {
  const paths = new Set(["a/1", "b", "gone/x"] as ByteString[]);
  const held = describeTree(treeOfPaths(whole, paths)).map(({ path }) => path);
  t.deepEqual(held, ["", "a", "a/1", "b"]);
});

test("treeOfPaths() looks at nothing beside the paths", (t) => {
  const root: DirectoryNode = {
    entry: whole.root.entry,
    digest: undefined,
    children: () => t.fail("it listed a directory") as never,
    child: (name) => whole.root.child(name),
  };
  t.is(describeTree(treeOfPaths({ root, close: () => undefined }, new Set(["c"] as ByteString[]))).length, 2);
});
