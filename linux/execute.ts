import { checked } from "./errno.js";
import { addressOf, declare } from "./native-library.js";

const execve = declare("int execve(const void *path, const void *words, const void *environment)");

const fcntl = declare("int fcntl(int descriptor, int command, int value)");

const POINTER_BYTES = 8;
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
  const [wordTable, environmentTable] = [tableOf(texts.slice(0, words.length)), tableOf(texts.slice(words.length))];
  // Node has them close.
  for (const stream of STANDARD_STREAMS) fcntl(stream, F_SETFD, 0);
  checked(execve(name, wordTable, environmentTable), "execve", path.toString("latin1"));
  throw new TypeError("execve(2) returned");
}

function withEnd(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}

/** A NULL ends it. */
function tableOf(texts: readonly Buffer[]): Buffer {
  const table = Buffer.alloc((texts.length + 1) * POINTER_BYTES);
  for (const [index, text] of texts.entries()) {
    if (process.arch === "s390x") table.writeBigUInt64BE(addressOf(text), index * POINTER_BYTES);
    else table.writeBigUInt64LE(addressOf(text), index * POINTER_BYTES);
  }
  return table;
}
