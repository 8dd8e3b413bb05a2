import { checked } from "./errno.js";
import { declare } from "./native-library.js";

const tcgetattr = declare("int tcgetattr(int descriptor, void *settings)");
const tcsetattr = declare("int tcsetattr(int descriptor, int when, const void *settings)");
const ioctl = declare("int ioctl(int descriptor, unsigned long request, void *size)");

const cfmakeraw = declare("void cfmakeraw(void *settings)");

const TCSANOW = 0;
/** glibc's struct termios has 60 bytes; musl's as many. */
const SETTINGS_BYTES = 128;

/** From asm-generic/ioctls.h. */
const TIOCGWINSZ = 0x5413;

/** @returns `undefined` when the descriptor is no terminal. */
export function terminalSize(descriptor: number): { readonly rows: number; readonly columns: number } | undefined {
  const size = new Uint16Array(4);
  if (ioctl(descriptor, TIOCGWINSZ, size) === -1) return undefined;
  return { rows: size[0]!, columns: size[1]! };
}

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

/**
 * Has each byte pass as it is, in both ways, until the terminal's settings are put back. Node's own raw mode goes on changing line ends on the way out.
 *
 * @returns Puts the settings back.
 */
export function makeTerminalRaw(descriptor: number): () => void {
  const restore = saveTerminal(descriptor);
  const settings = Buffer.alloc(SETTINGS_BYTES);
  checked(tcgetattr(descriptor, settings), "tcgetattr");
  cfmakeraw(settings);
  checked(tcsetattr(descriptor, TCSANOW, settings), "tcsetattr");
  return restore;
}
