import type { ByteString } from "./byte-string.js";

export interface Xattr {
  /** With its namespace: `user.note`, `security.capability`. */
  readonly name: ByteString;
  /** At most 65,535 bytes. */
  readonly value: Uint8Array;
}

/** What every entry has, whatever its type. */
export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. No type bits. */
  readonly mode: number;
  /** 0 to 2^32 - 1. */
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970 UTC, rounded down, negative before: a safe integer. */
  readonly mtimeSeconds: number;
  /** 0 to 999,999,999, added to the seconds. */
  readonly mtimeNanoseconds: number;
  /** In byte order of name, without repeats. Never overlayfs's own, which readers of an upper directory take out. */
  readonly xattrs: readonly Xattr[];
}

export type EntryType = "file" | "directory" | "symlink" | "fifo" | "socket" | "character" | "block";

export interface FileEntry extends Metadata {
  readonly type: "file";
  /** Bytes, holes included: a safe integer. */
  readonly size: number;
}

export interface DirectoryEntry extends Metadata {
  readonly type: "directory";
}

export interface SymlinkEntry extends Metadata {
  readonly type: "symlink";
  /** 1 to 4,095 bytes. */
  readonly target: ByteString;
}

export interface DeviceEntry extends Metadata {
  readonly type: "character" | "block";
  /** Never both 0 for a character device: overlayfs reads that as a deletion. */
  readonly major: number;
  readonly minor: number;
}

export interface PipeEntry extends Metadata {
  readonly type: "fifo" | "socket";
}

/** One path's state, without its name, content and links: those belong to the node that holds it. */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | DeviceEntry | PipeEntry;

export const NO_XATTRS: readonly Xattr[] = Object.freeze([]);

/** The root directory of the empty tree. */
export const EMPTY_ROOT: DirectoryEntry = Object.freeze({
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: NO_XATTRS,
});
