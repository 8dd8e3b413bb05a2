import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { closeDescriptor } from "./open-at.js";

const socket = declare("int socket(int domain, int type, int protocol)");
const bind = declare("int bind(int descriptor, const void *address, unsigned int length)");
const listen = declare("int listen(int descriptor, int backlog)");
const setsockopt = declare("int setsockopt(int descriptor, int level, int name, const void *value, unsigned int length)");

/** From sys/socket.h, as most processors have them. */
const AF_INET = 2;
const TYPES = { tcp: 1, udp: 2 } as const;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
/** `sizeof(struct sockaddr_in)`. */
const ADDRESS_BYTES = 16;

/**
 * Takes a port and gives it back at once: what the kernel says is whether somebody has it. Synchronous, unlike Node's own sockets.
 *
 * @param address IPv4, as a number.
 * @throws SystemCallError EADDRINUSE, EADDRNOTAVAIL when this machine has no such address, EACCES.
 */
export function tryPort(protocol: keyof typeof TYPES, address: number, port: number): void {
  const descriptor = checked(socket(AF_INET, TYPES[protocol] | SOCK_CLOEXEC, 0), "socket");
  try {
    // A connection that has ended lately (TIME_WAIT) takes no port from one who listens.
    if (protocol === "tcp") {
      const yes = Buffer.alloc(4);
      yes.writeInt32LE(1);
      checked(setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, yes, yes.length), "setsockopt");
    }
    const bytes = Buffer.alloc(ADDRESS_BYTES);
    bytes.writeUInt16LE(AF_INET, 0);
    bytes.writeUInt16BE(port, 2);
    bytes.writeUInt32BE(address, 4);
    checked(bind(descriptor, bytes, bytes.length), "bind");
    if (protocol === "tcp") checked(listen(descriptor, 1), "listen");
  } finally {
    closeDescriptor(descriptor);
  }
}
