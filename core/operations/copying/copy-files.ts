import { EMPTY_ROOT } from "../../model/entry.js";
import type { ByteString } from "../../model/byte-string.js";
import type { CommitId } from "../../model/ids.js";
import type { DirectoryNode, Tree } from "../../model/tree.js";
import type { ExportedTar } from "../../ports/archives.js";
import type { Repository } from "../../ports/repository.js";
import { copiedNode, type Owner } from "../../trees/copied-node.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { requireStopped } from "../container-state.js";
import { replaceTree } from "../replace-tree.js";
import { findTarget, openLiveTree, type Target } from "../targets.js";
import { findCopied, placeCopy, requireDirectory, type Copied, type GivenPath } from "./place-copy.js";
import { StagedRoot, type CopyRoot } from "./staged-root.js";

type ContainerTarget = Extract<Target, { kind: "container" }>;

export interface CopyOptions {
  /** Whose the copies become; as they are when absent. */
  readonly owner: Owner | undefined;
  /** Whether a symlink that is named is followed. */
  readonly follows: boolean;
}

/** A container's tree to read from: that of its process, or, when it does not run, what it holds. */
async function fromContainer<T>(
  repository: Repository,
  target: ContainerTarget,
  work: (root: CopyRoot) => Promise<T>,
): Promise<T> {
  const running = repository.containers.openRoot(target.record);
  if (running !== undefined) {
    try {
      return await inRunning(repository, running.path, work);
    } finally {
      running.close();
    }
  }
  const trees = await openLiveTree(repository, target);
  try {
    return await work(new StagedRoot(trees.live, repository.containers.mountedPlaces(target.record)));
  } finally {
    trees.close();
  }
}

async function inRunning<T>({ directories }: Repository, path: string, work: (root: CopyRoot) => Promise<T>): Promise<T> {
  const root = directories.openConfined(path, true);
  try {
    return await work(root);
  } finally {
    root.close();
  }
}

async function withCopied<T>(
  root: CopyRoot,
  source: GivenPath,
  follows: boolean,
  work: (copied: Copied) => Promise<T>,
): Promise<T> {
  const copied = findCopied(root, source, follows);
  try {
    return await work(copied);
  } finally {
    copied.close();
  }
}

/** Out of a container, to this machine. Symlinks in the container lead nowhere outside of it. @throws VarveError PATH_MISSING, WRONG_TYPE, PERMISSION, DISK_FULL. */
export async function copyOut(
  repository: Repository,
  target: ContainerTarget,
  { source, destination }: { readonly source: GivenPath; readonly destination: GivenPath },
  { owner, follows }: CopyOptions,
): Promise<void> {
  const here = repository.directories.openConfined("/", true);
  try {
    await fromContainer(repository, target, (root) =>
      withCopied(root, source, follows, (copied) => placeCopy(here, copied, destination, owner)),
    );
  } finally {
    here.close();
  }
}

/** Out of a container, as a tar. */
export async function copyToTar(
  repository: Repository,
  target: ContainerTarget,
  source: GivenPath,
  { follows, write }: { readonly follows: boolean; readonly write: (chunk: Uint8Array) => Promise<void> },
): Promise<ExportedTar> {
  return fromContainer(repository, target, (root) =>
    withCopied(root, source, follows, async (copied) => {
      const { node, name, from = "" as ByteString, contents } = copied;
      if (contents && "children" in node) {
        const whole = copiedNode(node, { from, to: "" as ByteString }) as DirectoryNode;
        return repository.archives.exportTar({ root: whole, close: () => undefined }, write);
      }
      const child = copiedNode(node, { from, to: name });
      const root: DirectoryNode = {
        entry: EMPTY_ROOT,
        digest: undefined,
        children: () => [[name, child]],
        child: (wanted) => (wanted === name ? child : undefined),
      };
      return repository.archives.exportTar({ root, close: () => undefined }, write, { withoutRoot: true });
    }),
  );
}

/** What is copied into a container: a path of this machine, or what a tar holds. */
export type Incoming = { readonly kind: "path"; readonly source: GivenPath } | { readonly kind: "tree"; readonly tree: Tree };

export interface CopiedIn {
  /** Whether `undo` takes it back: not of a container that runs. */
  readonly undoable: boolean;
  /** Holds what was not committed before. */
  readonly saved: CommitId | undefined;
}

/**
 * Into a container: into the tree of its process, where a symlink leads nowhere outside of it, whoever changes it meanwhile; when it does not run, as one
 * operation, which `undo` takes back.
 *
 * @throws VarveError PATH_MISSING, WRONG_TYPE, UNSUPPORTED for a place where a volume will be, PERMISSION, DISK_FULL.
 */
export async function copyIn(
  repository: Repository,
  target: ContainerTarget,
  { incoming, destination }: { readonly incoming: Incoming; readonly destination: GivenPath },
  options: CopyOptions & { readonly command: string },
): Promise<CopiedIn> {
  const place = (root: CopyRoot): Promise<void> => placeIncoming(repository, root, incoming, destination, options);
  const running = repository.containers.openRoot(target.record);
  if (running === undefined) return copyIntoStopped(repository, target, options.command, place);
  try {
    await inRunning(repository, running.path, place);
    return { undoable: false, saved: undefined };
  } finally {
    running.close();
  }
}

/** @param place Puts the copies together; what it opens stays open until `done` is. */
async function copyIntoStopped(
  repository: Repository,
  { record }: ContainerTarget,
  command: string,
  place: (root: CopyRoot) => Promise<void>,
): Promise<CopiedIn> {
  return repository.exclusively(async () => {
    const target = findTarget(repository, record.id) as ContainerTarget;
    requireStopped(target, "copy into");
    const trees = await openLiveTree(repository, target);
    try {
      const staged = new StagedRoot(trees.live, repository.containers.mountedPlaces(record));
      let saved: CommitId | undefined;
      const finish = async (): Promise<void> => {
        if ((await compareTrees(trees.live, staged.tree)).length === 0) return;
        saved = await replaceTree(repository, target, trees, staged.tree, { command });
      };
      await place({ find: (...parts) => staged.find(...parts), put: async (...parts) => staged.put(...parts).then(finish) });
      return { undoable: true, saved };
    } finally {
      trees.close();
    }
  });
}

async function placeIncoming(
  { directories }: Repository,
  root: CopyRoot,
  incoming: Incoming,
  destination: GivenPath,
  { owner, follows }: CopyOptions,
): Promise<void> {
  if (incoming.kind === "tree") {
    requireDirectory(root, destination);
    const { root: node } = incoming.tree;
    const copied = { node, name: "" as ByteString, contents: true, close: () => undefined };
    return placeCopy(root, copied, destination, undefined);
  }
  const here = directories.openConfined("/", true);
  try {
    await withCopied(here, incoming.source, follows, (copied) => placeCopy(root, copied, destination, owner));
  } finally {
    here.close();
  }
}
