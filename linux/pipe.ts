import { checked } from "./errno.js";
import { declare } from "./native-library.js";

const pipe2 = declare("int pipe2(void *descriptors, int flags)");

/** From asm-generic/fcntl.h. */
const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;

/**
 * Makes a pipe, which Node does only between itself and a child. Neither end is inherited but by who is given it.
 *
 * @param blocks Whether a read waits for what comes.
 * @returns Descriptors, for the caller to close: what is written to `input` is read from `output`.
 */
export function makePipe({ blocks }: { readonly blocks: boolean }): { readonly output: number; readonly input: number } {
  const pair = new Int32Array(2);
  checked(pipe2(Buffer.from(pair.buffer), O_CLOEXEC | (blocks ? 0 : O_NONBLOCK)), "pipe2");
  return { output: pair[0]!, input: pair[1]! };
}
