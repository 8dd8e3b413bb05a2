import { declare } from "./native-library.js";

const poll = declare("int poll(void *descriptors, unsigned long count, int timeout)");

/** `sizeof(struct pollfd)`: descriptor, what is asked for, what is told. */
const POLLFD_BYTES = 8;
const TOLD_AT = 6;
/** From poll.h: told without being asked for. */
const POLLERR = 0x08;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;

/** Whether what is written to a descriptor can still be read: not when all readers of a pipe are gone. True when that can't be found out. */
export function hasReader(descriptor: number): boolean {
  const asked = Buffer.alloc(POLLFD_BYTES);
  asked.writeInt32LE(descriptor);
  return poll(asked, 1, 0) < 1 || (asked.readInt16LE(TOLD_AT) & (POLLERR | POLLHUP | POLLNVAL)) === 0;
}
