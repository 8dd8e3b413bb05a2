const STREAM_HEADER_BYTES = 12;
const HAS_COMPRESSED_SIZE = 0x40;
const HAS_PLAIN_SIZE = 0x80;
const LZMA2 = 0x21;

/** As much of an xz stream as `xzDictionaryBytes` looks at: its header and the longest block header. */
export const XZ_HEAD_BYTES: number = STREAM_HEADER_BYTES + 1024;

/**
 * How much memory an xz stream's first block asks for.
 *
 * @returns Bytes; `undefined` when the beginning tells none.
 * @see The .xz File Format, sections 3.1 and 5.3.1.
 */
export function xzDictionaryBytes(head: Uint8Array): number | undefined {
  const flags = head[STREAM_HEADER_BYTES + 1] ?? 0;
  let at = STREAM_HEADER_BYTES + 2;
  const skipNumber = (): void => {
    while (((head[at++] ?? 0) & 0x80) !== 0);
  };
  for (const bit of [HAS_COMPRESSED_SIZE, HAS_PLAIN_SIZE]) if ((flags & bit) !== 0) skipNumber();
  for (let filters = (flags & 3) + 1; filters > 0; filters--) {
    // Ids and sizes of all filters that there are take one byte.
    const [id, length = 0, property = 0] = head.subarray(at, at + 3);
    if (id === LZMA2) return dictionaryBytes(property & 0x3f);
    at += 2 + length;
  }
  return undefined;
}

/** 2 or 3 times a power of two; 40 stands for all that 32 bits hold. */
function dictionaryBytes(property: number): number {
  return property >= 40 ? 2 ** 32 - 1 : (2 + (property & 1)) * 2 ** (11 + (property >> 1));
}
