import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import type { History } from "../ports/history.js";
import { IMAGES, shortName } from "./ref-names.js";

/** An image reference, and the commit that it names. */
export interface ReferredImage {
  /** `debian:12` */
  readonly reference: string;
  readonly commit: Commit;
}

/** Digits of a SHA-256, as docker takes them; fewer than four are taken for a name. */
const IMAGE_ID = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** Whether a word has the form of an image's id, or of its first digits: `sha256:4f0b3e`, `4f0b3e`. */
export function isImageId(text: string): boolean {
  return IMAGE_ID.test(text);
}

/**
 * The image references, in byte order, whose image has an id that begins so: what `varve images` shows, and docker. They may name several commits:
 * one image that came in two compressions has two histories.
 *
 * @param orCommit Those whose commit's id begins so, too.
 * @throws VarveError REVISION_AMBIGUOUS, with the images that it fits.
 */
export async function imagesById(history: History, text: string, orCommit = false): Promise<readonly ReferredImage[]> {
  const [, digits] = IMAGE_ID.exec(text) ?? [];
  if (digits === undefined) return [];
  const found: ReferredImage[] = [];
  for (const { name, commit: id } of await history.listRefs(IMAGES)) {
    const commit = await history.readCommit(id);
    const isFit = idOf(commit)?.startsWith(`sha256:${digits}`) === true || (orCommit && id.startsWith(text));
    if (isFit) found.push({ reference: shortName(name), commit });
  }
  if (new Set(found.map(({ commit }) => idOf(commit) ?? commit.id)).size <= 1) return found;
  const lines = found.map(({ reference, commit }) => `  ${idOf(commit) ?? commit.id} ${reference}`);
  throw new VarveError("REVISION_AMBIGUOUS", `Cannot read "${text}" as the id of an image: several begin so`, {
    hint: `Give more digits. Candidates:\n${lines.join("\n")}`,
  });
}

function idOf({ image }: Commit): string | undefined {
  return image?.config?.digest;
}
