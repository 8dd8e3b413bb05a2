import test from "ava";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { writeTree } from "../../../store/directory/write-directory.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

treeContract(
  test,
  "live directory",
  (entries, t) => {
    const directory = path.join(temporaryDirectory(t), "root");
    mkdirSync(directory);
    writeTree(memoryTree(entries), directory);
    return openDirectoryTree(directory);
  },
  { privileged: process.getuid?.() === 0 },
);
