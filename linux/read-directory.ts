import { checked } from "./errno.js";
import { declare } from "./native-library.js";

const getdents64 = declare("int64_t getdents64(int directory, void *buffer, size_t size)");
const lseek = declare("int64_t lseek(int descriptor, int64_t offset, int whence)");

/** d_type, from dirent.h. Some filesystems tell `UNKNOWN` always. */
export const ENTRY_KIND: Readonly<Record<"UNKNOWN" | "DIRECTORY", number>> = { UNKNOWN: 0, DIRECTORY: 4 };

const BUFFER = Buffer.alloc(256 * 1024);
const NAME_OFFSET = 19;

export interface DirectoryListing {
  /** Bytes in latin1, without `.` and `..`, in the order that the kernel gives. */
  readonly names: string[];
  /** The d_type of each. */
  readonly kinds: number[];
}

/** All names of an opened directory, whatever their number. Reads from its start. */
export function readDirectory(descriptor: number): DirectoryListing {
  const names: string[] = [];
  const kinds: number[] = [];
  lseek(descriptor, 0, 0);
  for (;;) {
    const length = checked(getdents64(descriptor, BUFFER, BUFFER.length), "getdents64");
    if (length === 0) return { names, kinds };
    for (let at = 0; at < length; at += BUFFER[at + 16]! | (BUFFER[at + 17]! << 8)) {
      if (isDot(at + NAME_OFFSET)) continue;
      kinds.push(BUFFER[at + 18]!);
      names.push(BUFFER.toString("latin1", at + NAME_OFFSET, endOfName(at + NAME_OFFSET)));
    }
  }
}

function endOfName(start: number): number {
  let end = start;
  while (BUFFER[end] !== 0) end++;
  return end;
}

function isDot(start: number): boolean {
  if (BUFFER[start] !== 0x2e) return false;
  return BUFFER[start + 1] === 0 || (BUFFER[start + 1] === 0x2e && BUFFER[start + 2] === 0);
}
