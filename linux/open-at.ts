import { constants } from "node:fs";
import { checked, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { nativePath } from "./native-path.js";

/** Paths relative to the working directory. */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_EMPTY_PATH = 0x1000;

export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
/** For reading a directory that is no symlink. */
export const OPEN_DIRECTORY: number = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
/** For reading a file: never follows a link, never waits for a FIFO's other end, gets no controlling terminal. */
export const OPEN_FILE: number =
  constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC;
/** For a new file that nobody else may have made. */
export const CREATE_FILE: number = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | O_CLOEXEC;

const openat = declare("int openat(int directory, const void *path, int flags, uint32_t mode)");
/** The same call, with the name at an address. */
const openatNamed = declare("int openat(int directory, int64_t path, int flags, uint32_t mode)");
const close = declare("int close(int descriptor)");
const dup = declare("int fcntl(int descriptor, int command, int value)");
const openat2 = declare("long syscall(long number, long directory, const void *path, void *how, size_t size)");

/**
 * @param directory A descriptor, or AT_FDCWD.
 * @param name Bytes in latin1.
 * @returns A descriptor, closed on exec. Close it with `closeDescriptor`.
 */
export function openAt(directory: number, name: string, flags: number, mode = 0): number {
  const result = tryOpenAt(directory, name, flags, mode);
  if (result < 0) throw new SystemCallError("openat", -result, name);
  return result;
}

/** As `openAt`. @returns The negative errno when it fails. */
export function tryOpenAt(directory: number, name: string, flags: number, mode = 0): number {
  const result = openat(directory, nativePath(name), flags | O_CLOEXEC, mode);
  return result === -1 ? -lastErrno() : result;
}

/**
 * As `tryOpenAt`, for loops over very many names.
 * @param address Where the name stands in this process's memory, with a NUL behind it.
 */
export function openNamed(directory: number, address: number, flags: number): number {
  const result = openatNamed(directory, address, flags | O_CLOEXEC, 0);
  return result === -1 ? -lastErrno() : result;
}

/** Node's own `closeSync` warns about descriptors that it did not open. */
export function closeDescriptor(descriptor: number): void {
  close(descriptor);
}

const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1030;

export function duplicateDescriptor(descriptor: number): number {
  return checked(dup(descriptor, F_DUPFD_CLOEXEC, 3), "fcntl");
}

/** The same, for the program that is put in this process's place. */
export function inheritableDescriptor(descriptor: number): number {
  return checked(dup(descriptor, F_DUPFD, 3), "fcntl");
}

/** openat2's `resolve` flags, from linux/openat2.h. */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

const OPENAT2 = 437;
/** struct open_how { u64 flags, mode, resolve } */
const HOW = new BigUint64Array(3);

/**
 * Opens a path that the kernel keeps within `directory` (`RESOLVE_IN_ROOT`, `RESOLVE_BENEATH`).
 * @throws SystemCallError ENOSYS before Linux 5.6.
 */
export function openWithin(directory: number, path: string, flags: number, resolve: number, mode = 0): number {
  HOW[0] = BigInt(flags | O_CLOEXEC);
  HOW[1] = BigInt(mode);
  HOW[2] = BigInt(resolve);
  return checked(openat2(OPENAT2, directory, nativePath(path), HOW, HOW.byteLength), "openat2", path);
}
