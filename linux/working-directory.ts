import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "./open-at.js";

const fchdir = declare("int fchdir(int descriptor)");

/**
 * Runs `work` with another working directory, for system calls that take short paths alone. Synchronous, so that nothing else
 * sees it.
 *
 * @param directory Bytes in latin1.
 */
export function withWorkingDirectory<T>(directory: string, work: () => T): T {
  const before = openAt(AT_FDCWD, ".", O_PATH);
  const wanted = openAt(AT_FDCWD, directory, O_PATH);
  try {
    checked(fchdir(wanted), "fchdir", directory);
    return work();
  } finally {
    checked(fchdir(before), "fchdir");
    closeDescriptor(wanted);
    closeDescriptor(before);
  }
}
