import { createHash } from "node:crypto";
import { VarveError } from "../errors.js";
import { readImageConfig } from "../image/read-image-config.js";
import type { LayerProgress } from "../model/layer-progress.js";
import type { CommitId } from "../model/ids.js";
import { withSelected } from "../operations/export-tree.js";
import type { Side } from "../operations/sides.js";
import { headOf } from "../operations/targets.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { fitExt4, type Loss } from "./ext4-fit.js";
import { sizeOfExt4 } from "./ext4-size.js";
import { lxcConfig, type LxcPlace } from "./lxc-config.js";

export interface Observing {
  /** Hears how far it is, now and then. */
  readonly observe?: ((progress: LayerProgress) => void) | undefined;
}

/** A side's tree, or what is selected of it, as one EROFS image. @param file Not there. @throws VarveError PATH_MISSING; PERMISSION, DISK_FULL, UNSUPPORTED. */
export async function exportErofs(
  repository: Repository,
  side: Side,
  file: string,
  paths: PathSelection,
  { observe }: Observing = {},
): Promise<void> {
  await withSelected(repository, side, paths, (tree) => repository.forms.writeErofs(tree, file, observe));
}

export interface Ext4Options extends Observing {
  /** Bytes; by default what the tree takes, and room. */
  readonly size: number | undefined;
  /** Whether what ext4 can't hold is an error. */
  readonly isStrict: boolean;
}

/**
 * The same as an ext4 filesystem.
 * @param file Not there.
 * @returns What ext4 can't hold.
 * @throws VarveError PATH_MISSING; UNSUPPORTED for what can't be left out, and for all losses when strict; DISK_FULL where the size is too small;
 *   MOUNT_UNAVAILABLE, RUNTIME_MISSING.
 */
export async function exportExt4(
  repository: Repository,
  side: Side,
  file: string,
  paths: PathSelection,
  { size, isStrict, observe }: Ext4Options,
): Promise<readonly Loss[]> {
  return withSelected(repository, side, paths, async (tree) => {
    const fit = await fitExt4(tree);
    if (isStrict) refuseLoss("an ext4 image", fit.losses);
    const shape = { ...sizeOfExt4(fit, size), seed: await seedOf(repository, side), hasLargeXattrs: fit.hasLargeXattrs };
    await repository.forms.writeExt4(fit.tree, file, shape, observe);
    return fit.losses;
  });
}

export interface ContainerOptions extends LxcPlace, Observing {
  readonly isStrict: boolean;
}

/**
 * The same as a container of LXC's.
 * @returns What LXC's config can't hold of the image config: the commit's, or of what is live its last commit's.
 * @throws VarveError PATH_MISSING; UNSUPPORTED for all losses when strict; DESTINATION_NOT_EMPTY, PERMISSION, DISK_FULL.
 */
export async function exportContainer(
  repository: Repository,
  side: Side,
  paths: PathSelection,
  { isStrict, observe, ...place }: ContainerOptions,
): Promise<readonly Loss[]> {
  const commit = side.kind === "commit" ? side.commit : (await headOf(repository, side.target)).commit;
  const image = readImageConfig(commit === undefined ? undefined : (await repository.history.readCommit(commit)).config);
  return withSelected(repository, side, paths, async (tree) => {
    const config = lxcConfig(commitOf(side), tree, image, place);
    const losses = config.losses.map((what) => ({ path: "config", what }));
    if (isStrict) refuseLoss("an LXC container", losses);
    await repository.forms.writeContainer(tree, place.directory, config.text, observe);
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

/** What is live is the tree of none. */
function commitOf(side: Side): CommitId | undefined {
  return side.kind === "commit" ? side.commit : undefined;
}

/** The same tree gives the same one; what is live has none of its own. */
async function seedOf({ history }: Repository, side: Side): Promise<string> {
  const commit = commitOf(side);
  const text = commit === undefined ? `${side.kind} ${Date.now()}` : (await history.readCommit(commit)).tree;
  return createHash("sha256").update(`ext4 ${text}`).digest("hex").slice(0, 32);
}
