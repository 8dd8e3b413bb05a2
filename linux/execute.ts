import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { textTable, withEnd } from "./text-table.js";

const execve = declare("int execve(const void *path, const void *words, const void *environment)");

const fcntl = declare("int fcntl(int descriptor, int command, int value)");

/** From linux/fcntl.h. */
const F_SETFD = 2;
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Puts another program in this process's place: same pid, same terminal, same open files but those that close. Nothing after it is done.
 *
 * @param path Absolute. @param words With the program's own name first. @param environment `NAME=value`. All are bytes.
 * @throws SystemCallError when the program can't be started; then all is as it was.
 */
export function replaceProcess(path: Buffer, words: readonly Buffer[], environment: readonly Buffer[]): never {
  const [name, ...texts] = [path, ...words, ...environment].map(withEnd);
  const [wordTable, environmentTable] = [textTable(texts.slice(0, words.length)), textTable(texts.slice(words.length))];
  // Node has them close.
  for (const stream of STANDARD_STREAMS) fcntl(stream, F_SETFD, 0);
  checked(execve(name, wordTable, environmentTable), "execve", path.toString("latin1"));
  throw new TypeError("execve(2) returned");
}
