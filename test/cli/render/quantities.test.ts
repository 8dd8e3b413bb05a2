import test from "ava";
import { counted, readableBytes } from "../../../cli/render/quantities.js";

const sizes: readonly (readonly [bytes: number, shown: string])[] = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [10 * 1024, "10 KiB"],
  [1024 * 1024 - 1, "1.0 MiB"],
  [462 * 1024 * 1024, "462 MiB"],
  [5 * 1024 ** 4, "5.0 TiB"],
  [3000 * 1024 ** 5, "3000 PiB"],
];

for (const [bytes, shown] of sizes) {
  test(`readableBytes() of ${bytes} is ${shown}`, (t) => {
    t.is(readableBytes(bytes), shown);
  });
}

test("counted() tells one from many", (t) => {
  t.deepEqual(
    [counted(1, "path"), counted(2000, "path"), counted(0, "entry", "entries")],
    ["1 path", "2,000 paths", "0 entries"],
  );
});
