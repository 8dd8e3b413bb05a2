import { checked } from "./errno.js";
import { declare } from "./native-library.js";

const tcgetattr = declare("int tcgetattr(int descriptor, void *settings)");
const tcsetattr = declare("int tcsetattr(int descriptor, int when, const void *settings)");

const TCSANOW = 0;
/** glibc's struct termios has 60 bytes; musl's as many. */
const SETTINGS_BYTES = 128;

/**
 * Keeps a terminal's settings.
 *
 * @returns Puts them back: after a program that made the terminal raw was killed.
 */
export function saveTerminal(descriptor: number): () => void {
  const settings = Buffer.alloc(SETTINGS_BYTES);
  checked(tcgetattr(descriptor, settings), "tcgetattr");
  return () => void tcsetattr(descriptor, TCSANOW, settings);
}
