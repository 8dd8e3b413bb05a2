import { VarveError } from "../../errors.js";
import type { CommitId } from "../../model/ids.js";
import type { BlobDigest } from "../../model/image.js";
import type { OpenedImage } from "../../ports/images.js";
import type { Repository } from "../../ports/repository.js";
import { exportImage } from "../export-image.js";
import { machinePlatform } from "../machine-platform.js";
import { platformOf } from "../outgoing-config.js";

/**
 * That a history's commit is the image that it came with: whoever may write to a repository can tie any history to any image, whose digest does not cover it.
 * So the image is made again of the commit and must have the same id, which covers each layer's tar and the whole config. What commits say of images was
 * proven when they came in.
 *
 * @throws VarveError SOURCE_INVALID.
 */
export async function requireSameImage(repository: Repository, tip: CommitId, image: OpenedImage): Promise<void> {
  const platform = platformOf(image.config.value, machinePlatform("x64"));
  const latest = await pinnedDate(repository, tip, image);
  for (const squash of image.layers.length === 1 ? [true, false] : [false]) {
    const made = await exportImage(repository, tip, { references: [], squash, platform, latest });
    if (made.image.config.record.digest === image.config.record.digest) return;
  }
  throw new VarveError("SOURCE_INVALID", "Cannot take the history in: it is none of this image, which has another id", {
    hint: "Somebody tied another history to the image. Use --no-history to take the image without it.",
  });
}

/** The SOURCE_DATE_EPOCH that an image was made with, when its own date is earlier than its commit's. */
async function pinnedDate({ history }: Repository, tip: CommitId, { config }: OpenedImage): Promise<number | undefined> {
  const { author } = await history.readCommit(tip);
  const created = Math.floor(Date.parse(String(config.value["created"])) / 1000);
  return created < author.seconds ? created : undefined;
}

/** The tar of a layer, as the image has it. */
export function layerOf({ config, layers }: OpenedImage, diffId: BlobDigest): AsyncIterable<Uint8Array> | undefined {
  const { diff_ids: diffIds } = (config.value["rootfs"] ?? {}) as { diff_ids?: readonly unknown[] };
  const index = Array.isArray(diffIds) ? diffIds.indexOf(diffId) : -1;
  return layers[index]?.open();
}
