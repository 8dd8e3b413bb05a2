import type { PlainDirectories } from "../../core/ports/plain-directories.js";
import { openDirectoryTree } from "./directory-tree.js";
import { writeTree } from "./write-directory.js";

/** Directories outside any store, as core asks for them. */
export function openDirectories(): PlainDirectories {
  return { openTree: (path) => openDirectoryTree(path), writeTree };
}
