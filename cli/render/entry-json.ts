import type { ByteString } from "../../core/model/byte-string.js";
import type { Entry, Xattr } from "../../core/model/entry.js";
import type { TreeNode } from "../../core/model/tree.js";
import { isUtf8, bufferOf, textOf } from "../../core/model/byte-string.js";
import { deviceText, modeText } from "./change-text.js";
import { jsonName, jsonPath } from "./names.js";
import { isoNanoseconds } from "./timestamps.js";

/** One element of what `ls --json` prints: docs/json.md, "ls". Every key is always there; `null` where it does not apply. */
export function entryJson(path: ByteString, node: TreeNode): Record<string, unknown> {
  const { entry } = node;
  return {
    ...jsonPath("path", path),
    type: entry.type,
    mode: modeText(entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === "file" ? entry.size : null,
    mtime: isoNanoseconds(entry),
    sha256: "content" in node ? node.content.digest() : null,
    ...(entry.type === "symlink" ? jsonName("target", entry.target) : { target: null }),
    device: deviceText(entry) || null,
    nlink: "links" in node && node.links !== undefined ? node.links.paths().length : 1,
    xattrs: xattrsJson(entry),
  };
}

/** Values are base64: they are bytes of any kind. A name that is no UTF-8 is given as `base64:` and its bytes. */
function xattrsJson({ xattrs }: Entry): Record<string, string> {
  const pairs = xattrs.map(({ name, value }: Xattr) => [xattrName(name), Buffer.from(value).toString("base64")] as const);
  // No prototype: a name may be `__proto__`.
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(pairs));
}

function xattrName(name: ByteString): string {
  return isUtf8(name) ? textOf(name) : `base64:${bufferOf(name).toString("base64")}`;
}
