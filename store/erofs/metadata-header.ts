/** The first bytes of the metadata region: varve's own, four nids that no directory names. */
export const METADATA_HEADER_BYTES = 128;
const MAGIC = "varve layer\n";
const VERSION = 1;

/** Byte offsets count from the start of the metadata region. */
export interface MetadataHeader {
  /** Rows of 32 bytes, row 0 included. */
  readonly digestTable: number;
  readonly digestRows: number;
  readonly linkTable: number;
  /** Rows of 16 bytes, one a hardlink group. */
  readonly linkGroups: number;
  /** Of the whole link table, paths included. */
  readonly linkTableBytes: number;
}

export function encodeMetadataHeader(header: MetadataHeader): Buffer {
  const bytes = Buffer.alloc(METADATA_HEADER_BYTES);
  bytes.write(MAGIC, "latin1");
  bytes.writeUInt32LE(VERSION, 12);
  bytes.writeBigUInt64LE(BigInt(header.digestTable), 16);
  bytes.writeBigUInt64LE(BigInt(header.digestRows), 24);
  bytes.writeBigUInt64LE(BigInt(header.linkTable), 32);
  bytes.writeBigUInt64LE(BigInt(header.linkGroups), 40);
  bytes.writeBigUInt64LE(BigInt(header.linkTableBytes), 48);
  return bytes;
}

/** @returns `undefined` when it is none, or of another version. */
export function decodeMetadataHeader(bytes: Buffer): MetadataHeader | undefined {
  if (bytes.length < METADATA_HEADER_BYTES || bytes.toString("latin1", 0, 12) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(12) !== VERSION) return undefined;
  const at = (offset: number): number => Number(bytes.readBigUInt64LE(offset));
  return { digestTable: at(16), digestRows: at(24), linkTable: at(32), linkGroups: at(40), linkTableBytes: at(48) };
}
