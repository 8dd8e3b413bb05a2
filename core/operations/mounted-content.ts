import { VarveError } from "../errors.js";
import { parentPath, type ByteString } from "../model/byte-string.js";
import { EMPTY_ROOT } from "../model/entry.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { FilteredTree, Tree, TreeNode } from "../model/tree.js";
import type { ContainerRecord, MountedPlace } from "../ports/containers.js";
import type { ConfinedRoot } from "../ports/plain-directories.js";
import type { Repository } from "../ports/repository.js";
import { copiedNode } from "../trees/copied-node.js";
import { editedTree, TreeEdits } from "../trees/edited-tree.js";
import { resolvePath } from "../trees/resolve-path.js";

/**
 * A container's own tree as its next commit sees it: where a volume hides what is below, that is what HEAD holds. No process can have changed it, but an
 * earlier commit may have put the volume's content there.
 */
export function underMounts(own: Tree, committed: Tree, places: readonly MountedPlace[]): Tree {
  const edits = new TreeEdits();
  for (const { path } of places) {
    const place = resolvePath(own, path);
    const node = place === undefined || place === "" ? undefined : nodeAt(committed, place);
    if (node !== undefined) edits.set(place!, node);
  }
  return edits.isEmpty ? own : { root: editedTree(own, edits).root, close: () => own.close() };
}

export interface WithMounts {
  readonly tree: FilteredTree;
  /** Closes what was opened for it, not the tree below. */
  close(): void;
}

/**
 * A container's live tree with what is mounted at some places, which hides what its own tree has there. What is mounted within those in turn is left out.
 * A running container should be paused meanwhile.
 *
 * @param wanted Places, without a slash before them.
 * @returns Its `mounts` are the places that are left out.
 * @throws VarveError PATH_MISSING for a place where nothing is mounted; CONTAINER_STOPPED for what is mounted only while it runs; what reading throws.
 */
export async function withMounts(
  repository: Repository,
  record: ContainerRecord,
  live: FilteredTree,
  wanted: readonly ByteString[],
): Promise<WithMounts> {
  const mounted = repository.containers
    .mountedPlaces(record)
    .map((place) => ({ ...place, path: resolvePath(live, place.path) ?? place.path }));
  const chosen = wanted.map((path) => requireMount(mounted, path, resolvePath(live, path) ?? path));
  const left = mounted.map(({ path }) => path).filter((path) => !chosen.some((each) => each.path === path));
  if (chosen.length === 0) return { tree: { ...parts(live), mounts: left }, close: () => undefined };
  const opened: { close(): void }[] = [];
  const close = (): void => opened.toReversed().forEach((each) => each.close());
  try {
    const edits = new TreeEdits();
    // The outer ones first: what is told of a path forgets what was told of those below.
    for (const place of chosen.toSorted((a, b) => a.path.length - b.path.length)) {
      const node = await openMounted(repository, record.name, place, opened, repository.containers.openRoot(record));
      leadTo(live, place.path, node, edits);
      edits.set(place.path, copiedNode(node, { from: "" as ByteString, to: place.path }));
    }
    return { tree: { ...parts(live), root: editedTree(live, edits).root, mounts: left }, close };
  } catch (error) {
    close();
    throw error;
  }
}

function parts(live: FilteredTree): FilteredTree {
  return { root: live.root, ignored: live.ignored, mounts: [], vanishing: () => live.vanishing(), close: () => live.close() };
}

function requireMount(mounted: readonly MountedPlace[], given: ByteString, path: ByteString): MountedPlace {
  const found = mounted.find((each) => each.path === path);
  if (found !== undefined) return found;
  const places = mounted.map((each) => treePathText(each.path));
  throw new VarveError("PATH_MISSING", `Cannot include what is mounted on "${treePathText(given)}": nothing is mounted there`, {
    path: treePathText(given),
    hint:
      places.length === 0
        ? "The container has no volumes. Leave the option out."
        : `Something is mounted on ${places.join(", ")}. What every container has of its own, such as /proc, is never committed.`,
  });
}

/** @param opened Gets what is to be closed. @param root Of the process, when there is one: what it sees is what is committed. */
async function openMounted(
  { directories }: Repository,
  name: string,
  { path, source }: MountedPlace,
  opened: { close(): void }[],
  root: { readonly path: string; close(): void } | undefined,
): Promise<TreeNode> {
  if (root !== undefined) opened.push(root);
  if (root === undefined && source === undefined) throw onlyWhileRunning(path, name);
  const place = root === undefined ? (Buffer.from(source!.slice(1), "utf8").toString("latin1") as ByteString) : path;
  const confined: ConfinedRoot = directories.openConfined(root?.path ?? "/");
  opened.push(confined);
  const found = confined.find(place, true);
  if (found === undefined) {
    throw new VarveError(
      "SOURCE_MISSING",
      `Cannot include what is mounted on "${treePathText(path)}": "${source ?? ""}" is not there`,
      {
        path: source ?? treePathText(path),
      },
    );
  }
  opened.push(found);
  if (!("children" in found.node)) return found.node;
  const tree = await directories.openWhole(found.path);
  opened.push(tree);
  return tree.root;
}

function onlyWhileRunning(path: ByteString, name: string): VarveError {
  return new VarveError(
    "CONTAINER_STOPPED",
    `Cannot include what is mounted on "${treePathText(path)}": it is there only while the container runs`,
    {
      path: treePathText(path),
      hint: `Start it with "varve start ${name}", or leave the option out.`,
    },
  );
}

/** Directories that a container which has never run does not have yet. */
function leadTo(live: Tree, path: ByteString, { entry }: TreeNode, edits: TreeEdits): void {
  const { mtimeSeconds, mtimeNanoseconds } = entry;
  for (let parent = parentPath(path); parent !== "" && nodeAt(live, parent) === undefined; parent = parentPath(parent))
    edits.setEntry(parent, { ...EMPTY_ROOT, mtimeSeconds, mtimeNanoseconds });
}
