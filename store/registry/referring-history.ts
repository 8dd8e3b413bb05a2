import { shortImageName } from "../../core/image/image-reference.js";
import { isBlobDigest, type BlobDigest, type ImageReference } from "../../core/model/image.js";
import type { OpenedHistory } from "../../core/ports/histories.js";
import { HISTORY_TYPE } from "../oci/history-manifest.js";
import { historyFault, openHistory, type HistorySource } from "../oci/open-history.js";
import type { StoreLayout } from "../store-layout.js";
import type { RegistryClient } from "./registry-client.js";

/**
 * The history that belongs to an image: of several the one that the registry lists last, since lists grow at their end.
 *
 * @param image Digest of the image's manifest. @returns `undefined` where none does. @throws VarveError SOURCE_INVALID; as the client.
 */
export async function openReferringHistory(
  layout: StoreLayout,
  client: RegistryClient,
  reference: ImageReference,
  image: BlobDigest,
): Promise<OpenedHistory | undefined> {
  const last = (await client.referrers(image, HISTORY_TYPE)).at(-1);
  if (last === undefined) return undefined;
  const place = shortImageName(reference);
  const { document, digest } = await client.manifest(last.digest);
  if (!isBlobDigest(digest)) throw historyFault("its digest is none of SHA-256", place);
  const source: HistorySource = {
    open: ({ digest: blob, size }) => client.blob({ digest: blob, size }),
    fault: (state) => historyFault(state, place),
  };
  return { ...(await openHistory(layout, source, digest, document)), stopTransfers: () => client.close() };
}
