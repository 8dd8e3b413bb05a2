import test from "ava";
import { crc32c } from "../../../store/erofs/crc32c.js";

test("crc32c() is CRC-32C without the last inversion", (t) => {
  // The check value of the algorithm, from the catalogue of parametrised CRC algorithms.
  t.is(~crc32c(Buffer.from("123456789")) >>> 0, 0xe3069283);
});
