import { VarveError } from "../errors.js";
import { parseImageReference, shortImageName } from "../image/image-reference.js";
import { isImageReference } from "../revision/ref-names.js";

/** The name by which a store has an image. @throws VarveError BAD_NAME. */
export function storedName(reference: string): string {
  const name = shortImageName(parseImageReference(reference));
  if (isImageReference(name)) return name;
  throw new VarveError("BAD_NAME", `Cannot name an image ${JSON.stringify(name)}: no ref can be called so`, {
    hint: "Give it another one, such as debian:12.",
  });
}

/** How an image is called that is made of a revision: an image reference as it is, a branch or tag as `NAME:latest`; anything else has no name. */
export function imageName(revision: string): readonly string[] {
  try {
    const name = storedName(revision);
    return name.startsWith("sha256:") || /^[0-9a-f]{4,40}:latest$/.test(name) ? [] : [name];
  } catch (error) {
    if (error instanceof VarveError && error.code === "BAD_NAME") return [];
    throw error;
  }
}
