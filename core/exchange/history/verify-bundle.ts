import { VarveError } from "../../errors.js";
import type { BlobDigest } from "../../model/image.js";
import type { OpenedHistory } from "../../ports/histories.js";
import type { OpenedImages } from "../../ports/images.js";
import type { Repository } from "../../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { missingPrerequisites } from "./bring-history.js";

export interface VerifiedBundle extends Pick<OpenedHistory, "refs" | "prerequisites"> {
  readonly digest: BlobDigest;
  /** Prerequisites that the store lacks; none without a store. */
  readonly missing: OpenedHistory["prerequisites"];
  readonly commits: number;
  readonly layers: number;
}

/**
 * Reads all of a bundle and compares each blob with its digest. What its layers are worth is found out when they are taken in.
 *
 * @param repository Where its prerequisites are looked for.
 * @throws VarveError SOURCE_INVALID when it is damaged, or no bundle.
 */
export async function verifyBundle(
  repository: Repository | undefined,
  open: () => Promise<OpenedImages>,
): Promise<VerifiedBundle> {
  const opened = await open();
  try {
    const { history } = opened;
    if (history === undefined)
      throw new VarveError("SOURCE_INVALID", "Cannot verify the bundle: it holds images, and no history", {
        hint: "Take images in with varve load.",
      });
    const { refs, prerequisites, commits, layers, blobs, digest } = history;
    for (const blob of blobs) for await (const _ of blob.open()) if (isTurnDue()) await yieldToSignals();
    const lacking = prerequisites.length > 0 ? undefined : commits.find(({ layer }) => !layers.has(layer));
    if (lacking !== undefined)
      throw new VarveError("SOURCE_INVALID", `Cannot verify the bundle: it lacks the layer of commit "${lacking.id}"`);
    const missing = repository === undefined ? [] : await missingPrerequisites(repository, history);
    return { refs, prerequisites, missing, commits: commits.length, layers: layers.size, digest };
  } finally {
    opened.close();
  }
}
