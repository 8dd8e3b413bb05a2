import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { closeDescriptor } from "./open-at.js";

const socket = declare("int socket(int domain, int type, int protocol)");
const connect = declare("int connect(int descriptor, const void *address, unsigned int length)");
const shutdown = declare("int shutdown(int descriptor, int how)");

/** From sys/socket.h. */
const AF_UNIX = 1;
/** As most processors have them. */
const TYPES = { stream: 1, packets: 5 } as const;
const SOCK_CLOEXEC = 0o2000000;
const SHUTDOWN = { input: 0, output: 1 } as const;

/** `sun_path` of linux/un.h, less the NUL at its end. */
const LONGEST_PATH = 107;

/**
 * Connects to a socket in the filesystem that keeps the bounds of messages (SOCK_SEQPACKET), which Node's own sockets can't. Each `read` of the
 * descriptor gives one message, each `write` sends one.
 *
 * @param path As `connectStreamSocket`.
 * @throws SystemCallError as that does.
 */
export function connectPacketSocket(path: string): number {
  return connectSocket(path, "packets");
}

/**
 * Connects to a socket in the filesystem, for synchronous reads and writes.
 *
 * @param path Bytes in latin1, 107 at most: for a longer one, go by `/proc/self/fd/N/name`.
 * @returns The descriptor, for the caller to close.
 * @throws SystemCallError ENOENT, ECONNREFUSED when nobody listens any more.
 */
export function connectStreamSocket(path: string): number {
  return connectSocket(path, "stream");
}

function connectSocket(path: string, type: keyof typeof TYPES): number {
  const bytes = Buffer.from(path, "latin1");
  if (bytes.length > LONGEST_PATH) throw new RangeError(`a socket's path has at most ${LONGEST_PATH} bytes: ${path}`);
  const address = Buffer.alloc(2 + LONGEST_PATH + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  const descriptor = checked(socket(AF_UNIX, TYPES[type] | SOCK_CLOEXEC, 0), "socket");
  try {
    checked(connect(descriptor, address, address.length), "connect", path);
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/** `output`: the other side reads an end. `input`: a read that waits here, on whatever thread, ends. */
export function shutDownSocket(descriptor: number, side: keyof typeof SHUTDOWN): void {
  // One whose other side is gone is as good as shut down.
  shutdown(descriptor, SHUTDOWN[side]);
}
