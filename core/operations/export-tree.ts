import { VarveError } from "../errors.js";
import { fitExt4, type Loss } from "../exchange/ext4-fit.js";
import { sizeOfExt4 } from "../exchange/ext4-size.js";
import { lxcConfig, type LxcPlace } from "../exchange/lxc-config.js";
import { readImageConfig } from "../image/read-image-config.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { ExportedTar } from "../ports/archives.js";
import { ALL_PATHS, type PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { selectTree } from "../trees/select-tree.js";
import { openSide, type Side } from "./sides.js";
import { createHash } from "node:crypto";

/**
 * A side's tree as a PAX tar: all of it, or what is selected and the directories that lead there.
 * @throws VarveError PATH_MISSING, before anything is written, for a named path that the tree has not.
 */
export async function exportTree(
  repository: Repository,
  side: Side,
  write: (chunk: Uint8Array) => Promise<void>,
  paths: PathSelection = ALL_PATHS,
): Promise<ExportedTar> {
  return withSelected(repository, side, paths, (tree) => repository.archives.exportTar(tree, write));
}

/** The same as one EROFS image. @param file Not there. @throws VarveError as `exportTree`; PERMISSION, DISK_FULL, UNSUPPORTED. */
export async function exportErofs(repository: Repository, side: Side, file: string, paths: PathSelection): Promise<void> {
  await withSelected(repository, side, paths, (tree) => repository.forms.writeErofs(tree, file));
}

export interface Ext4Options {
  /** Bytes; by default what the tree takes, and room. */
  readonly size: number | undefined;
  /** Whether what ext4 can't hold is an error. */
  readonly isStrict: boolean;
}

/**
 * The same as an ext4 filesystem.
 * @param file Not there.
 * @returns What ext4 can't hold.
 * @throws VarveError as `exportTree`; UNSUPPORTED for what can't be left out, and for all losses when strict; DISK_FULL where the size is too small;
 *   MOUNT_UNAVAILABLE, RUNTIME_MISSING.
 */
export async function exportExt4(
  repository: Repository,
  side: Side,
  file: string,
  paths: PathSelection,
  { size, isStrict }: Ext4Options,
): Promise<readonly Loss[]> {
  return withSelected(repository, side, paths, async (tree) => {
    const fit = await fitExt4(tree);
    if (isStrict) refuseLoss("an ext4 image", fit.losses);
    const shape = { ...sizeOfExt4(fit, size), seed: await seedOf(repository, side), hasLargeXattrs: fit.hasLargeXattrs };
    await repository.forms.writeExt4(fit.tree, file, shape);
    return fit.losses;
  });
}

export interface ContainerOptions extends LxcPlace {
  readonly isStrict: boolean;
}

/**
 * The same as a container of LXC's.
 * @returns What of the commit's image config LXC's can't hold.
 * @throws VarveError as `exportTree`; UNSUPPORTED for all losses when strict; DESTINATION_NOT_EMPTY, PERMISSION, DISK_FULL.
 */
export async function exportContainer(
  repository: Repository,
  side: Side,
  paths: PathSelection,
  { isStrict, ...place }: ContainerOptions,
): Promise<readonly Loss[]> {
  const commit = commitOf(side);
  const image = readImageConfig(commit === undefined ? undefined : (await repository.history.readCommit(commit)).config);
  return withSelected(repository, side, paths, async (tree) => {
    const config = lxcConfig(commit, tree, image, place);
    const losses = config.losses.map((what) => ({ path: "config", what }));
    if (isStrict) refuseLoss("an LXC container", losses);
    await repository.forms.writeContainer(tree, place.directory, config.text);
    return losses;
  });
}

/** @throws VarveError UNSUPPORTED where there is any. @param form Such as `a tar`. */
export function refuseLoss(form: string, losses: readonly Loss[]): void {
  const [first] = losses;
  if (first === undefined) return;
  const others = losses.length === 1 ? "" : `, and ${losses.length - 1} more`;
  throw new VarveError("UNSUPPORTED", `Cannot make ${form} of it without loss: ${first.path}: ${first.what}${others}`, {
    path: first.path,
    hint: "Without --strict it is made all the same, and what it can't hold is told.",
  });
}

/** Of a container, what it started from counts. */
function commitOf(side: Side): CommitId | undefined {
  return side.kind === "commit" ? side.commit : undefined;
}

/** The same tree gives the same one; what is live has none of its own. */
async function seedOf({ history }: Repository, side: Side): Promise<string> {
  const commit = commitOf(side);
  const text = commit === undefined ? `${side.kind} ${Date.now()}` : (await history.readCommit(commit)).tree;
  return createHash("sha256").update(`ext4 ${text}`).digest("hex").slice(0, 32);
}

async function withSelected<T>(
  repository: Repository,
  side: Side,
  paths: PathSelection,
  use: (tree: Tree) => Promise<T>,
): Promise<T> {
  const tree = await openSide(repository, side);
  try {
    requireNamed(tree, paths);
    return await use(selectTree(tree, paths));
  } finally {
    tree.close();
  }
}

function requireNamed(tree: Tree, { places, named = places ?? [] }: PathSelection): void {
  const missing = named.find((path) => nodeAt(tree, path) === undefined);
  if (missing === undefined) return;
  const text = treePathText(missing);
  throw new VarveError("PATH_MISSING", `Cannot export "${text}": no such path in that tree`, {
    path: text,
    hint: "`varve ls REV` lists what a tree holds. In a tracked directory paths count from where you stand, unless they begin with a slash.",
  });
}
