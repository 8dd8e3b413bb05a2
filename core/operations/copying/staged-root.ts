import { VarveError } from "../../errors.js";
import { joinPath, type ByteString } from "../../model/byte-string.js";
import { isBelowAny, nodeAt, treePathText } from "../../model/paths.js";
import type { Tree, TreeNode } from "../../model/tree.js";
import type { ConfinedRoot } from "../../ports/plain-directories.js";
import type { MountedPlace } from "../../ports/containers.js";
import { editedTree, TreeEdits } from "../../trees/edited-tree.js";
import { resolvePath } from "../../trees/resolve-path.js";

/** What copies are read from and put into. */
export interface CopyRoot extends Pick<ConfinedRoot, "put"> {
  find(path: ByteString, follows: boolean): CopySource | undefined;
}

export interface CopySource {
  readonly node: TreeNode;
  /** Where its hardlinks say that it stands. */
  readonly from?: ByteString;
  close(): void;
}

/** A tree in which copies are put together before anything is changed. */
export class StagedRoot implements CopyRoot {
  readonly #edits = new TreeEdits();
  /** As it is to be. */
  readonly tree: Tree;
  readonly #mounts: readonly MountedPlace[];

  /** @param mounts Where a volume hides what is below while the container runs: nothing is copied from or to there. */
  constructor(live: Tree, mounts: readonly MountedPlace[]) {
    this.tree = editedTree(live, this.#edits);
    this.#mounts = mounts.map((mount) => ({ ...mount, path: resolvePath(live, mount.path) ?? mount.path }));
  }

  find(path: ByteString, follows: boolean): CopySource | undefined {
    const from = resolvePath(this.tree, path, follows);
    if (from === undefined) return undefined;
    this.#refuseMounts(from);
    const node = nodeAt(this.tree, from);
    return node && { node, from, close: () => undefined };
  }

  async put(directory: ByteString, nodes: Iterable<readonly [ByteString, TreeNode]>): Promise<void> {
    const place = resolvePath(this.tree, directory) ?? directory;
    for (const [name, node] of nodes) this.#place(node, joinPath(place, name));
  }

  #place(node: TreeNode, path: ByteString): void {
    this.#refuseMounts(path);
    const there = nodeAt(this.tree, path);
    const isDirectory = "children" in node;
    if (there !== undefined && isDirectory !== "children" in there) throw otherType(path, isDirectory);
    if (there === undefined || !isDirectory) {
      if (there !== undefined) this.#part(there, path);
      this.#edits.set(path, node);
      return;
    }
    this.#edits.setEntry(path, node.entry);
    for (const [name, child] of node.children()) this.#place(child, joinPath(path, name));
  }

  /** The other names of an inode that is replaced at one. */
  #part(node: TreeNode, path: ByteString): void {
    if (!("links" in node) || node.links === undefined) return;
    const names = node.links.paths().filter((name) => name !== path);
    const links = names.length < 2 ? undefined : { key: names[0]!, paths: () => names };
    for (const name of names) {
      const other = nodeAt(this.tree, name);
      if (other === undefined || "children" in other) continue;
      const parted = "content" in other ? { entry: other.entry, content: other.content, links } : { entry: other.entry, links };
      this.#edits.set(name, parted);
    }
  }

  #refuseMounts(path: ByteString): void {
    const mount = this.#mounts.find((each) => isBelowAny(path, [each.path]));
    if (mount === undefined) return;
    const text = treePathText(mount.path);
    throw new VarveError(
      "UNSUPPORTED",
      `Cannot copy from or to "${treePathText(path)}": a volume is mounted on "${text}" when the container runs`,
      {
        path: treePathText(path),
        hint: `Copy from or to "${mount.source ?? text}" on this machine, or start the container first.`,
      },
    );
  }
}

function otherType(path: ByteString, isDirectory: boolean): VarveError {
  const text = treePathText(path);
  const [there, wanted] = isDirectory ? ["no directory", "a directory"] : ["a directory", "none"];
  return new VarveError("WRONG_TYPE", `Cannot replace "${text}": it is ${there}, and what is copied is ${wanted}`, {
    path: text,
    hint: "Remove it first, or copy to another place.",
  });
}
