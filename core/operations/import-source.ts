import { VarveError } from "../errors.js";
import type { RefName } from "../model/ids.js";
import type { FilteredTree, Tree } from "../model/tree.js";
import type { LayerWriter } from "../ports/layer-store.js";
import type { Repository } from "../ports/repository.js";
import type { CommitOptions, CommitResult } from "./commit-target.js";
import { requireFree } from "./branches.js";
import { commitTree } from "../layers/commit-tree.js";
import { recordOperation } from "./record-operation.js";
import { requireStanding, vanishedWarnings } from "./vanishing-source.js";
import { openCommitTree } from "./targets.js";

export type ImportSource =
  | { readonly kind: "directory"; readonly path: string }
  /** `name`: what messages call it, quotes included. */
  | { readonly kind: "tar"; readonly name: string; readonly stream: AsyncIterable<Uint8Array> };

export interface ImportOptions extends CommitOptions {
  /** Made when absent; otherwise the import is its next commit. Absent: a history of its own begins, which the reference names. */
  readonly branch: RefName | undefined;
  /** An image reference that names the commit, too. */
  readonly reference?: RefName | undefined;
}

interface OpenedSource {
  readonly tree?: Tree;
  /** The tree of a directory. */
  readonly live?: FilteredTree;
  /** Of an archive. */
  readonly warnings?: readonly string[];
}

/**
 * Commits a whole tree from outside, on a branch or under an image reference. What the branch's last commit holds already is not stored again.
 * @throws VarveError BRANCH_BUSY, NOTHING_TO_COMMIT, SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED, SOURCE_INVALID, UNSUPPORTED.
 */
export async function importSource(repository: Repository, source: ImportSource, options: ImportOptions): Promise<CommitResult> {
  return repository.exclusively(async () => {
    const { branch, reference, command } = options;
    if (branch !== undefined) await requireFree(repository, branch, "import to");
    const parent = branch && (await repository.history.readRef(branch));
    const base = await openCommitTree(repository, parent);
    const opened: OpenedSource = {};
    try {
      const target = async (writer: LayerWriter): Promise<Tree> => {
        Object.assign(opened, await openSource(repository, source, options, writer, base));
        return opened.tree as Tree;
      };
      const check = (): void => opened.live && requireStanding(opened.live, "import the directory");
      const commit = await commitTree(repository, { ...options, parent, base, target, check });
      if (commit === undefined) throw sameTree(branch!);
      const names = [branch, reference].filter((name) => name !== undefined);
      const before = await Promise.all(names.map((name) => repository.history.readRef(name)));
      const refs = names.map((name, at) => ({ name, before: before[at], after: commit.id }));
      await recordOperation(repository, { command, refs, trees: [] });
      return { commit, branch: (branch ?? reference)!, ...leftOut(opened) };
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
  base: Tree,
): Promise<OpenedSource> {
  if (source.kind === "tar") return archives.importTar(source.stream, writer, source.name, base);
  const live = await directories.openTree(source.path, exclude);
  return { tree: live, live };
}

function leftOut({ live, warnings = [] }: OpenedSource): Pick<CommitResult, "ignored" | "mounts" | "warnings"> {
  if (live === undefined) return { ignored: 0, mounts: [], warnings };
  return { ignored: live.ignored, mounts: live.mounts, warnings: vanishedWarnings(live) };
}

function sameTree(branch: RefName): VarveError {
  const name = branch.replace("refs/heads/", "");
  return new VarveError("NOTHING_TO_COMMIT", `Cannot import: the source is the tree that ${name} holds already`);
}
