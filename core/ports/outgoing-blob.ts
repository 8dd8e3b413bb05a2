import type { BlobRecord } from "../model/image.js";

/** Bytes of an image that go out. What they come from stays open as long as the image. */
export interface OutgoingBlob {
  readonly record: BlobRecord;
  /** May be called again. @throws VarveError STORE_DAMAGED at its end when the bytes are not those of the record. */
  open(): AsyncIterable<Uint8Array>;
}
