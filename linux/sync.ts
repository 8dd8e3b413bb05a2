import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { AT_FDCWD, closeDescriptor, OPEN_DIRECTORY, openAt } from "./open-at.js";

const syncfs = declare("int syncfs(int descriptor)");
const fsync = declare("int fsync(int descriptor)");

/** Waits until all that was written to the descriptor's filesystem is on the disk. */
export function syncFilesystem(descriptor: number): void {
  checked(syncfs(descriptor), "syncfs");
}

/** Waits until a file's data, or a directory's names, are on the disk. */
export function syncDescriptor(descriptor: number): void {
  checked(fsync(descriptor), "fsync");
}

/** Makes the names in a directory durable: a rename is not before this. @param path Bytes in latin1. */
export function syncDirectory(path: string): void {
  const descriptor = openAt(AT_FDCWD, path, OPEN_DIRECTORY);
  try {
    syncDescriptor(descriptor);
  } finally {
    closeDescriptor(descriptor);
  }
}
