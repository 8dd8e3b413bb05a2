import type { ByteString } from "../../core/model/byte-string.js";
import { NO_XATTRS, type Xattr } from "../../core/model/entry.js";
import { MAX_XATTR_LIST_BYTES, MAX_XATTR_NAME_BYTES, MAX_XATTR_VALUE_BYTES } from "./limits.js";
import { encodePaxRecord, type PaxRecord } from "./pax-records.js";
import { ACL_KEYWORDS, aclFromText, aclToText, isModeAlone } from "./posix-acl.js";
import type { Fail, Warn } from "./tar-fault.js";

const SCHILY = "SCHILY.xattr.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

/**
 * The xattrs in an extended header, in byte order of name: `SCHILY.xattr.*` (bytes as they are), where it is missing
 * `LIBARCHIVE.xattr.*` (base64, name URL-encoded) and `SCHILY.acl.*` (ACLs as text). All that Linux could not hold is refused.
 */
export function readXattrs(records: readonly PaxRecord[], fail: Fail, warn: Warn): readonly Xattr[] {
  let found: Map<ByteString, Uint8Array> | undefined;
  for (const pass of [readAcl, readLibarchive, readSchily]) {
    for (const record of records) {
      if (!isXattrKey(record.key)) continue;
      const xattr = pass(record, warn);
      if (xattr !== undefined) (found ??= new Map()).set(xattr.name, xattr.value);
    }
  }
  return found === undefined ? NO_XATTRS : checkedXattrs(found, fail);
}

export function isXattrKey(key: ByteString): boolean {
  return key.startsWith(SCHILY) || key.startsWith(LIBARCHIVE) || key.startsWith("SCHILY.acl.");
}

function readSchily({ key, value }: PaxRecord): Xattr | undefined {
  if (!key.startsWith(SCHILY)) return undefined;
  // GNU tar's own escape: a keyword can't have an equals sign.
  const name = key.slice(SCHILY.length).replace(/%(3D|25)/g, (_, hex: string) => (hex === "25" ? "%" : "="));
  return { name: name as ByteString, value: Uint8Array.from(value) };
}

function readLibarchive({ key, value }: PaxRecord): Xattr | undefined {
  if (!key.startsWith(LIBARCHIVE)) return undefined;
  const name = key
    .slice(LIBARCHIVE.length)
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { name: name as ByteString, value: Uint8Array.from(Buffer.from(value.toString("latin1"), "base64")) };
}

function readAcl({ key, value }: PaxRecord, warn: Warn): Xattr | undefined {
  if (!key.startsWith("SCHILY.acl.")) return undefined;
  const name = ACL_KEYWORDS[key];
  const acl = name === undefined ? undefined : aclFromText(value.toString("latin1"));
  if (name === undefined || acl === undefined) {
    warn(
      `its access control list (${key.slice(0, 40)}) names users or groups without their numbers, or can't be read, and was dropped`,
    );
    return undefined;
  }
  const xattr = { name, value: acl };
  return isModeAlone(xattr) ? undefined : xattr;
}

function checkedXattrs(found: ReadonlyMap<ByteString, Uint8Array>, fail: Fail): readonly Xattr[] {
  let listBytes = 0;
  for (const [name, value] of found) {
    if (name === "" || name.length > MAX_XATTR_NAME_BYTES || name.includes("\0")) {
      fail(`an xattr's name has ${name.length} bytes or a NUL, expected 1 to ${MAX_XATTR_NAME_BYTES} bytes`);
    }
    if (value.length > MAX_XATTR_VALUE_BYTES) {
      fail(`an xattr has ${value.length} bytes, expected at most ${MAX_XATTR_VALUE_BYTES}`);
    }
    listBytes += name.length + 1;
  }
  if (listBytes > MAX_XATTR_LIST_BYTES) {
    fail(`the names of its xattrs have ${listBytes} bytes, expected at most ${MAX_XATTR_LIST_BYTES}`);
  }
  const names = [...found.keys()].sort();
  return names.map((name) => ({ name, value: found.get(name) ?? new Uint8Array() }));
}

/** ACLs are written as bytes for exactness, and as text for readers that know no other form. */
export function encodeXattrs(xattrs: readonly Xattr[]): Buffer[] {
  return xattrs.flatMap(({ name, value }) => {
    const record = encodePaxRecord(SCHILY + name.replace(/[%=]/g, (c) => (c === "%" ? "%25" : "%3D")), value);
    const keyword = Object.keys(ACL_KEYWORDS).find((key) => ACL_KEYWORDS[key] === name);
    const text = keyword === undefined ? undefined : aclToText(value);
    return keyword === undefined || text === undefined ? [record] : [record, encodePaxRecord(keyword, text)];
  });
}
