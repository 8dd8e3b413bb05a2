import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import { changeReasons } from "../model/compare-entries.js";
import { EMPTY_ROOT, type DirectoryEntry, type FileEntry } from "../model/entry.js";
import { treePathText } from "../model/paths.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { contentOfBytes } from "./content-of-bytes.js";
import { editedTree, TreeEdits } from "./edited-tree.js";
import { isDirectory, walkTreePair, type NodePair } from "./walk-tree-pair.js";

const WHITEOUT = ".wh.";
const NO_BYTES = contentOfBytes(new Uint8Array());

/**
 * What a tree changes on another, as a tree that holds it as OCI's layers do: what was added or changed, with all directories that lead there, and an empty
 * file `.wh.NAME` for what is gone. Costs what differs. To be closed before the two trees.
 *
 * @throws VarveError UNSUPPORTED for a changed path whose own name begins so.
 * @see layer.md of the OCI image specification
 */
export async function differenceTree(before: Tree, after: Tree): Promise<Tree> {
  const edits = new TreeEdits();
  const root = emptyDirectory(after.root.entry);
  let isWithin: NodePair | undefined;
  const done = new Set<ByteString>();
  const reach = (pair: NodePair | undefined): void => {
    if (pair === undefined || pair.path === "" || done.has(pair.path) || !isDirectory(pair.after)) return;
    reach(pair.parent);
    done.add(pair.path);
    edits.set(pair.path, emptyDirectory(pair.after.entry));
  };
  for (const event of walkTreePair(before, after)) {
    if (isTurnDue()) await yieldToSignals();
    if (isWithin !== undefined) {
      if (event.kind === "leave" && event.path === isWithin.path) isWithin = undefined;
      continue;
    }
    if (event.kind === "leave" || event.path === "") continue;
    // Below a directory that is gone, or that something else replaces, nothing has to be told.
    if (event.kind === "enter" && !isDirectory(event.after)) isWithin = event;
    const isChanged = addChange(edits, event, reach);
    if (isChanged && isDirectory(event.after)) reach(event);
  }
  return editedTree({ root, close: () => undefined }, edits);
}

/** @returns Whether the path itself differs, and stands in `after`. */
function addChange(edits: TreeEdits, event: NodePair, reach: (pair: NodePair | undefined) => void): boolean {
  const { before, after, path, name, parent } = event;
  if (after === undefined) {
    reach(parent);
    const place = path.slice(0, path.length - name.length);
    edits.set(`${place}${WHITEOUT}${name}` as ByteString, whiteout());
    return false;
  }
  if (before !== undefined && changeReasons(before, after).length === 0) return false;
  if (name.startsWith(WHITEOUT)) throw unholdable(path);
  if (isDirectory(after)) return true;
  reach(parent);
  edits.set(path, after);
  return true;
}

function whiteout(): TreeNode {
  const entry: FileEntry = { ...EMPTY_ROOT, type: "file", mode: 0o600, size: 0 };
  return { entry, content: NO_BYTES, links: undefined };
}

function emptyDirectory(entry: DirectoryEntry): DirectoryNode {
  return { entry, digest: undefined, children: () => [], child: () => undefined };
}

/** For a tree that goes out whole. @throws VarveError UNSUPPORTED for a name that OCI's layers can't hold, since it would mean that something is gone. */
export async function requireHoldable(tree: Tree): Promise<void> {
  const pending: { readonly path: string; readonly directory: DirectoryNode }[] = [{ path: "", directory: tree.root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, node] of next.directory.children()) {
      if (isTurnDue()) await yieldToSignals();
      const path = next.path === "" ? name : `${next.path}/${name}`;
      if (name.startsWith(WHITEOUT)) throw unholdable(path as ByteString);
      if ("children" in node) pending.push({ path, directory: node });
    }
  }
}

function unholdable(path: ByteString): VarveError {
  const text = treePathText(path);
  return new VarveError(
    "UNSUPPORTED",
    `Cannot make a layer of an image: its "${text}" begins with "${WHITEOUT}", which marks there what is gone`,
    {
      path: text,
      hint: "Remove or rename it, commit, and try again. varve export takes it, as a tar of a tree.",
    },
  );
}
