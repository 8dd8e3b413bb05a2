import { createHash } from "node:crypto";
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { isTurnDue } from "../../core/yield-to-signals.js";
import type { Turns } from "../../core/turns.js";

const SLASH = Buffer.from("/");

/**
 * SHA-256 over what the system tells of all below a directory: names, types, modes, owners, sizes, modification times, names of an inode, what
 * symlinks name. No file is read: a change of contents that keeps size and time is not seen. What a copy of the store changes, inode numbers and
 * ctime, does not count.
 *
 * @returns 64 hex digits.
 */
export function* digestUnpacked(directory: string): Turns<string> {
  const hash = createHash("sha256");
  const root = Buffer.from(directory);
  const folders = [root];
  hash.update(record(root.subarray(root.length), lstatSync(root, { bigint: true })));
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of readdirSync(folder, { encoding: "buffer" }).sort((a, b) => Buffer.compare(a, b))) {
      if (isTurnDue()) yield;
      const file = Buffer.concat([folder, SLASH, name]);
      const stat = lstatSync(file, { bigint: true });
      hash.update(record(file.subarray(root.length), stat));
      if (stat.isSymbolicLink()) hash.update(readlinkSync(file, { encoding: "buffer" }));
      if (stat.isDirectory()) folders.push(file);
    }
  }
  return hash.digest("hex");
}

/** No name has a NUL. Size and links of a directory are the filesystem's own. */
function record(path: Buffer, stat: BigIntStats): Buffer {
  const { mode, uid, gid, size, mtimeNs, nlink, rdev } = stat;
  const ofFile = stat.isDirectory() ? [] : [size, nlink, rdev];
  return Buffer.concat([path, Buffer.from(`\0${[mode, uid, gid, mtimeNs, ...ofFile].join(" ")}\0`)]);
}
