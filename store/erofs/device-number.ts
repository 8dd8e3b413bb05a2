import { VarveError } from "../../core/errors.js";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import type { DeviceEntry, PipeEntry } from "../../core/model/entry.js";
import * as F from "./image-format.js";

/** Linux has 12 bits for a major and 20 for a minor number. */
const MOST_MAJOR = 0xfff;
const MOST_MINOR = 0xfffff;

/** What an inode of a device holds; 0 for a pipe. @throws VarveError UNSUPPORTED. */
export function deviceOf(entry: DeviceEntry | PipeEntry, name: ByteString): number {
  if (!("major" in entry)) return 0;
  const { major, minor } = entry;
  const what = `Cannot store the device "${textOf(name)}" in a layer`;
  if (entry.type === "character" && major === 0 && minor === 0) {
    throw new VarveError("UNSUPPORTED", `${what}: overlayfs reads the character device 0:0 as a deletion`);
  }
  if (major > MOST_MAJOR || minor > MOST_MINOR) {
    throw new VarveError("UNSUPPORTED", `${what}: its number is ${major}:${minor}, expected at most ${MOST_MAJOR}:${MOST_MINOR}`);
  }
  return F.encodeDevice(major, minor);
}
