import { addressOf } from "./native-library.js";

const POINTER_BYTES = 8;

/** As C has the words of a program and its environment: addresses of texts, and NULL. The texts must stay alive while it is used. */
export function textTable(texts: readonly Buffer[]): Buffer {
  const table = Buffer.alloc((texts.length + 1) * POINTER_BYTES);
  for (const [index, text] of texts.entries()) {
    if (process.arch === "s390x") table.writeBigUInt64BE(addressOf(text), index * POINTER_BYTES);
    else table.writeBigUInt64LE(addressOf(text), index * POINTER_BYTES);
  }
  return table;
}

/** A text of C's. */
export function withEnd(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}
