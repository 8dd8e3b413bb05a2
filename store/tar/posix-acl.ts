import type { Xattr } from "../../core/model/entry.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { ACL_TAGS as TAGS, ACL_VERSION as VERSION, NO_ACL_ID as NO_ID } from "../posix-acl.js";

const NAMES: Readonly<Record<number, string>> = { 1: "user", 2: "user", 4: "group", 8: "group", 16: "mask", 32: "other" };

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/**
 * The text form that star, GNU tar and bsdtar write (`user::rwx,user:jo:r--:1000,group::r-x,mask::rwx,other::---`) as the value
 * of a `system.posix_acl_*` xattr.
 *
 * @returns `undefined` when an entry can't be read, or names a user or group without its number: names mean another number
 *   on every system.
 */
export function aclFromText(text: string): Uint8Array | undefined {
  const entries: AclEntry[] = [];
  for (const line of text.split(/[,\n]/)) {
    const clean = line.replace(/#.*$/, "").trim();
    if (clean === "") continue;
    const entry = parseEntry(clean);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const value = Buffer.alloc(4 + 8 * entries.length);
  value.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    value.writeUInt16LE(tag, 4 + 8 * index);
    value.writeUInt16LE(permissions, 6 + 8 * index);
    value.writeUInt32LE(id, 8 + 8 * index);
  }
  return value;
}

function parseEntry(line: string): AclEntry | undefined {
  const match = /^(u|user|g|group|m|mask|o|other):([^:]*):([r-][w-][x-])(?::(\d+))?$/.exec(line);
  if (match === null) return undefined;
  const [, kind = "", qualifier = "", letters = "", number] = match;
  const permissions = (letters[0] === "r" ? 4 : 0) | (letters[1] === "w" ? 2 : 0) | (letters[2] === "x" ? 1 : 0);
  if (kind[0] === "m" || kind[0] === "o") {
    return qualifier === "" ? { tag: kind[0] === "m" ? TAGS.mask : TAGS.other, permissions, id: NO_ID } : undefined;
  }
  const [owner, named] = kind[0] === "u" ? [TAGS.userObject, TAGS.user] : [TAGS.groupObject, TAGS.group];
  if (qualifier === "") return { tag: owner, permissions, id: NO_ID };
  const id = Number(number ?? (/^\d+$/.test(qualifier) ? qualifier : Number.NaN));
  return id < NO_ID ? { tag: named, permissions, id } : undefined;
}

/** @returns `undefined` when the value is no version 2 ACL. */
export function aclToText(value: Uint8Array): string | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < 4 || bytes.length % 8 !== 4 || bytes.readUInt32LE(0) !== VERSION) return undefined;
  const lines: string[] = [];
  for (let at = 4; at < bytes.length; at += 8) {
    const name = NAMES[bytes.readUInt16LE(at)];
    if (name === undefined) return undefined;
    const permissions = bytes.readUInt16LE(at + 2);
    const id = bytes.readUInt32LE(at + 4);
    const letters = [4, 2, 1].map((bit, index) => (permissions & bit ? "rwx"[index] : "-")).join("");
    lines.push(id === NO_ID ? `${name}::${letters}` : `${name}:${id}:${letters}:${id}`);
  }
  return lines.join(",");
}

/** PAX keyword of the text form, and the xattr that it stands for. */
export const ACL_KEYWORDS: Readonly<Record<string, ByteString>> = {
  "SCHILY.acl.access": "system.posix_acl_access" as ByteString,
  "SCHILY.acl.default": "system.posix_acl_default" as ByteString,
};

/** An access ACL of owner, group and others alone says what the mode says; the kernel keeps none then. */
export function isModeAlone({ name, value }: Xattr): boolean {
  return name === "system.posix_acl_access" && value.length <= 4 + 3 * 8;
}
