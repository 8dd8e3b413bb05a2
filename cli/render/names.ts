import { bufferOf, isUtf8, textOf, type ByteString } from "../../core/model/byte-string.js";
import { shortName } from "../../core/revision/ref-names.js";
import type { CommitId, RefName } from "../../core/model/ids.js";

/** Enough that two commits of one store do not meet by chance: 16^10. */
const SHORT_ID_DIGITS = 10;

export function shortId(id: CommitId): string {
  return id.slice(0, SHORT_ID_DIGITS);
}

/** The name of a ref as people type it. */
export function refText(ref: RefName): string {
  return shortName(ref);
}

/** What JSON says of bytes under `key`: text, and under `<key>Base64` the bytes themselves where text would lose some. */
export function jsonName(key: string, bytes: ByteString): Record<string, string> {
  if (isUtf8(bytes)) return { [key]: textOf(bytes) };
  return { [key]: textOf(bytes), [`${key}Base64`]: bufferOf(bytes).toString("base64") };
}

/** The same for a path within a tree: absolute. */
export function jsonPath(key: string, path: ByteString): Record<string, string> {
  return jsonName(key, `/${path}` as ByteString);
}
