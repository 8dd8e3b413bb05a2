/**
 * Bytes, one a UTF-16 unit (latin1): a name, a path, a link target or the name of an xattr.
 *
 * Linux names are bytes, not text. Kept so, two names that are no UTF-8 never become one, V8 stores one byte a unit, and
 * `<` compares in the order that EROFS directories have. It becomes text at the door alone: `textOf` for people.
 */
export type ByteString = string & { readonly byteString: unique symbol };

/** The UTF-8 bytes of a text from a person: argv, JSON. */
export function bytesOfText(text: string): ByteString {
  return Buffer.from(text, "utf8").toString("latin1") as ByteString;
}

/** The bytes as text for people; whatever is no UTF-8 becomes U+FFFD, so the result may be lossy. */
export function textOf(bytes: ByteString): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Whether `textOf` loses nothing. */
export function isUtf8(bytes: ByteString): boolean {
  return bytesOfText(textOf(bytes)) === bytes;
}

export function byteStringOf(buffer: Uint8Array): ByteString {
  return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString("latin1") as ByteString;
}

export function bufferOf(bytes: ByteString): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** The path of a child: `""` is the root, no path begins or ends with a slash inside varve. */
export function joinPath(directory: ByteString, name: ByteString): ByteString {
  return (directory === "" ? name : `${directory}/${name}`) as ByteString;
}

/** The directory that a path stands in; of a name in the root, the root: `""`. */
export function parentPath(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}
