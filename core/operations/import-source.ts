import { VarveError } from "../errors.js";
import type { RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { LayerWriter } from "../ports/layer-store.js";
import type { Repository } from "../ports/repository.js";
import type { CommitOptions, CommitResult } from "./commit-target.js";
import { requireFree } from "./branches.js";
import { commitTree } from "../layers/commit-tree.js";
import { recordOperation } from "./record-operation.js";
import { openCommitTree } from "./targets.js";

export type ImportSource =
  | { readonly kind: "directory"; readonly path: string }
  /** `name`: what messages call it, quotes included. */
  | { readonly kind: "tar"; readonly name: string; readonly stream: AsyncIterable<Uint8Array> };

export interface ImportOptions extends CommitOptions {
  /** Made when absent; otherwise the import is its next commit. */
  readonly branch: RefName;
}

interface OpenedSource extends Pick<CommitResult, "ignored" | "mounts" | "warnings"> {
  readonly tree: Tree | undefined;
}

/**
 * Commits a whole tree from outside on a branch. What the branch's last commit holds already is not stored again.
 * @throws VarveError BRANCH_BUSY, NOTHING_TO_COMMIT, SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED, SOURCE_INVALID, UNSUPPORTED.
 */
export async function importSource(repository: Repository, source: ImportSource, options: ImportOptions): Promise<CommitResult> {
  return repository.exclusively(async () => {
    const { branch, command } = options;
    await requireFree(repository, branch, "import to");
    const parent = await repository.history.readRef(branch);
    const base = await openCommitTree(repository, parent);
    const opened: OpenedSource = { tree: undefined, ignored: 0, mounts: [], warnings: [] };
    try {
      const target = async (writer: LayerWriter): Promise<Tree> => {
        Object.assign(opened, await openSource(repository, source, options, writer));
        return opened.tree as Tree;
      };
      const commit = await commitTree(repository, { ...options, parent, base, target });
      if (commit === undefined) throw sameTree(branch);
      await recordOperation(repository, { command, refs: [{ name: branch, before: parent, after: commit.id }], trees: [] });
      return { commit, branch, ignored: opened.ignored, mounts: opened.mounts, warnings: opened.warnings };
    } finally {
      opened.tree?.close();
      base.close();
    }
  });
}

async function openSource(
  { archives, directories }: Repository,
  source: ImportSource,
  { exclude }: ImportOptions,
  writer: LayerWriter,
): Promise<OpenedSource> {
  if (source.kind === "tar") {
    return { ...(await archives.importTar(source.stream, writer, source.name)), ignored: 0, mounts: [] };
  }
  const tree = await directories.openTree(source.path, exclude);
  return { tree, ignored: tree.ignored, mounts: tree.mounts, warnings: [] };
}

function sameTree(branch: RefName): VarveError {
  const name = branch.replace("refs/heads/", "");
  return new VarveError("NOTHING_TO_COMMIT", `Cannot import: the source is the tree that ${name} holds already`);
}
