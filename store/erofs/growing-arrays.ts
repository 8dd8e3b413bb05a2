type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** The same array when it is long enough, else a copy with room to grow: columns take no object an entry. */
export function grown<A extends Column>(column: A, length: number): A {
  if (column.length >= length) return column;
  const larger = new (column.constructor as new (length: number) => A)(Math.max(length, column.length * 2));
  larger.set(column);
  return larger;
}

/** `grown` for a Buffer. */
export function grownBuffer(buffer: Buffer, length: number): Buffer {
  if (buffer.length >= length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(length, buffer.length * 2));
  buffer.copy(larger);
  return larger;
}
