import type { Random } from "./random.js";

const EDGES: readonly bigint[] = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x100n, 0xfffn, 0x1000n, 0x7fffn, 0xffffn, 0x10000n];
const WIDE_EDGES: readonly bigint[] = [
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 32n,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

/** Changes bytes without knowing what they mean. @returns The same buffer, or a longer or shorter one. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.from([random.below(256)]);
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return flipped(bytes, random);
    case 3:
    case 4:
      bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
    case 5:
    case 6:
      writeEdge(bytes, random.below(bytes.length), random.pick([1, 2, 4, 8]), random);
      return bytes;
    case 7:
      return copiedWithin(bytes, random);
    case 8:
      return random.once(2) ? Buffer.from(bytes.subarray(0, random.below(bytes.length))) : withoutPiece(bytes, random);
    default:
      return withRepeatedPiece(bytes, random);
  }
}

/** A number at which programs err, or one near what stands there, cut to the width. Nothing where it has no room. */
export function writeEdge(bytes: Buffer, at: number, width: number, random: Random): void {
  if (at + width > bytes.length) return;
  let value: bigint;
  const former = read(bytes, at, width);
  switch (random.below(5)) {
    case 0:
      value = former + BigInt(random.below(9)) - 4n;
      break;
    case 1:
      value = former ^ (1n << BigInt(random.below(width * 8)));
      break;
    case 2:
      value = BigInt(random.next());
      break;
    case 3:
      value = random.pick(WIDE_EDGES) - BigInt(random.below(2));
      break;
    default:
      value = random.pick(EDGES);
  }
  write(bytes, at, width, value);
}

export function read(bytes: Buffer, at: number, width: number): bigint {
  let value = 0n;
  for (let index = width - 1; index >= 0; index -= 1) value = (value << 8n) | BigInt(bytes[at + index] ?? 0);
  return value;
}

export function write(bytes: Buffer, at: number, width: number, value: bigint): void {
  let rest = BigInt.asUintN(width * 8, value);
  for (let index = 0; index < width; index += 1) {
    bytes[at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

function copiedWithin(bytes: Buffer, random: Random): Buffer {
  const length = 1 + random.below(Math.min(64, bytes.length));
  const from = random.below(bytes.length - length + 1);
  bytes.copy(bytes, random.below(bytes.length - length + 1), from, from + length);
  return bytes;
}

function withoutPiece(bytes: Buffer, random: Random): Buffer {
  const length = 1 + random.below(Math.min(64, bytes.length));
  const from = random.below(bytes.length - length + 1);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
}

function withRepeatedPiece(bytes: Buffer, random: Random): Buffer {
  const length = 1 + random.below(Math.min(64, bytes.length));
  const from = random.below(bytes.length - length + 1);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)]);
}
