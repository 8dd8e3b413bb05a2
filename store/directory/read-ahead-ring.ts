/**
 * Memory that the reading thread and the using one share. Files have ranks: their places in the order of a walk. The file of rank r goes
 * through slot r modulo SLOTS. `WANTED` moves on as ranks are used or given up, `READY` as they are read; between them stand the filled slots.
 */
export const SLOTS = 128;
/** Longer files are read by whoever wants them. */
export const SLOT_BYTES: number = 192 << 10;

/** Indexes of the counters. */
export const WANTED = 0;
export const READY = 1;
const COUNTERS = 2;
const DIGEST_BYTES = 32;

export interface ReadAheadRing {
  /** WANTED and READY, then each slot's length in bytes; FAILED for a file that was not read, or changed. */
  readonly numbers: Int32Array<SharedArrayBuffer>;
  readonly digests: Buffer;
  readonly bytes: Buffer;
}

export const FAILED = -1;

export function lengthAt(slot: number): number {
  return COUNTERS + slot;
}

export interface RingMemory {
  readonly numbers: SharedArrayBuffer;
  readonly digests: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
}

export function newRingMemory(): RingMemory {
  return {
    numbers: new SharedArrayBuffer((COUNTERS + SLOTS) * Int32Array.BYTES_PER_ELEMENT),
    digests: new SharedArrayBuffer(SLOTS * DIGEST_BYTES),
    bytes: new SharedArrayBuffer(SLOTS * SLOT_BYTES),
  };
}

export function ringOf({ numbers, digests, bytes }: RingMemory): ReadAheadRing {
  return { numbers: new Int32Array(numbers), digests: Buffer.from(digests), bytes: Buffer.from(bytes) };
}

export function digestOfSlot(ring: ReadAheadRing, slot: number): Buffer {
  return ring.digests.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES);
}

export function bytesOfSlot(ring: ReadAheadRing, slot: number, length: number): Buffer {
  return ring.bytes.subarray(slot * SLOT_BYTES, slot * SLOT_BYTES + length);
}
