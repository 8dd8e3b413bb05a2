import { VarveError } from "../errors.js";
import { parseImageReference, shortImageName } from "../image/image-reference.js";
import { isDigestReference, isImageReference } from "../revision/ref-names.js";

/** The name by which a store has an image. @throws VarveError BAD_NAME. */
export function storedName(reference: string): string {
  const name = shortImageName(parseImageReference(reference));
  if (isImageReference(name)) return name;
  throw new VarveError("BAD_NAME", `Cannot name an image ${JSON.stringify(name)}: no ref can be called so`, {
    hint: "Give it another one, such as debian:12.",
  });
}

/** Of what is given a name: a digest is none that can be given. */
export function namedByDigest(name: string): VarveError {
  return new VarveError("BAD_NAME", `Cannot name an image "${name}": its digest names one image, wherever it is`, {
    hint: "Give it a tag, such as team/base:1.0. What is pulled by its digest has that name.",
  });
}

/** A name that a store has, in docker's two columns: without a tag for `debian@sha256:…`. */
export function splitStoredName(name: string): { readonly repository: string; readonly tag: string | undefined } {
  if (isDigestReference(name)) return { repository: name.slice(0, name.lastIndexOf("@")), tag: undefined };
  const colon = name.lastIndexOf(":");
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** How an image is called that is made of a revision: `NAME:TAG` as it is, a branch or tag as `NAME:latest`; anything else has no name. */
export function imageName(revision: string): readonly string[] {
  try {
    const name = storedName(revision);
    return name.startsWith("sha256:") || isDigestReference(name) || /^[0-9a-f]{4,40}:latest$/.test(name) ? [] : [name];
  } catch (error) {
    if (error instanceof VarveError && error.code === "BAD_NAME") return [];
    throw error;
  }
}
