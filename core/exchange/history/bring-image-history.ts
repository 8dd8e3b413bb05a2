import { VarveError } from "../../errors.js";
import type { Commit } from "../../model/commit.js";
import type { OpenedHistory } from "../../ports/histories.js";
import type { OpenedImage } from "../../ports/images.js";
import type { Repository } from "../../ports/repository.js";
import { bringHistory, type BringOptions, type BroughtHistory } from "./bring-history.js";
import { layerOf, requireSameImage } from "./same-image.js";

export interface BroughtImage {
  /** What the image was made of. */
  readonly commit: Commit;
  /** Commits that the store did not have. */
  readonly added: BroughtHistory["commits"];
  readonly brought: BroughtHistory;
}

/**
 * Takes in the history that came with an image, whose HEAD must be the image. No ref moves.
 * @throws VarveError What `bringHistory` and `requireSameImage` throw.
 */
export async function bringImageHistory(
  repository: Repository,
  image: OpenedImage,
  opened: OpenedHistory,
  options: BringOptions,
): Promise<BroughtImage> {
  const tip = opened.refs.find(({ name }) => name === "HEAD")?.commit;
  if (tip === undefined)
    throw new VarveError("SOURCE_INVALID", "Cannot take the history in: it does not tell which of its commits the image is", {
      hint: "Use --no-history to take the image without it.",
    });
  const brought = await bringHistory(repository, opened, { ...options, otherTar: (diffId) => layerOf(image, diffId) });
  await requireSameImage(repository, tip, image);
  return { commit: await repository.history.readCommit(tip), added: brought.commits, brought };
}
