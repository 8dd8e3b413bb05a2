import { randomBytes } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import test from "ava";
import { crc32, crc32c } from "../../store/crc.js";

test("crc32c() is CRC-32C without the last inversion", (t) => {
  // The check value of the algorithm, from the catalogue of parametrised CRC algorithms.
  t.is(~crc32c(Buffer.from("123456789")) >>> 0, 0xe3069283);
});

// The last ones are past what it sums by itself.
for (const length of [0, 1, 9, 4096, 100_000, 300_000, 7]) {
  test.serial(`crc32() of ${length} bytes is zlib's, whole and in two pieces`, (t) => {
    const bytes = randomBytes(length);
    t.is(crc32(bytes), zlibCrc32(bytes));
    const middle = length >> 1;
    t.is(crc32(bytes.subarray(middle), crc32(bytes.subarray(0, middle))), zlibCrc32(bytes));
  });
}
