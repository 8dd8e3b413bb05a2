import test from "ava";
import fc from "fast-check";
import { BLOCK_BYTES, NID_BYTES } from "../../../store/erofs/image-format.js";
import { InodePlacement, PLACEMENT_WINDOW_BLOCKS } from "../../../store/erofs/inode-placement.js";
import { WindowWriter } from "../../../store/erofs/window-writer.js";

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 64, max: 200 }), fc.integer({ min: 64, max: 4096 }), fc.integer({ min: 4097, max: 30_000 })),
  {
    maxLength: 3000,
    size: "max",
  },
);

test("InodePlacement keeps inodes apart, small ones within a block, and none behind the window", (t) => {
  let placedInAll = 0;
  fc.assert(
    fc.property(sizes, (all) => {
      const placement = new InodePlacement(128);
      const placed = all.map((bytes) => {
        const start = placement.place(bytes) * NID_BYTES;
        if (bytes <= BLOCK_BYTES && (start % BLOCK_BYTES) + bytes > BLOCK_BYTES) t.fail("an inode crosses a block's end");
        if (start < (placement.blocks - PLACEMENT_WINDOW_BLOCKS - Math.ceil(bytes / BLOCK_BYTES)) * BLOCK_BYTES)
          t.fail("behind the window");
        return { start, end: start + bytes };
      });
      placedInAll += placed.length;
      placed.push({ start: 0, end: 128 });
      placed.sort((a, b) => a.start - b.start);
      placed.forEach(({ start }, index) => {
        if (index > 0 && start < (placed[index - 1]?.end ?? 0)) t.fail("two inodes overlap");
      });
      if (placement.bytes < Math.max(...placed.map(({ end }) => end))) t.fail("bytes is too small");
    }),
    { numRuns: 30 },
  );
  t.true(placedInAll > 0);
});

test("WindowWriter passes on in sequence what InodePlacement gave out of sequence", (t) => {
  fc.assert(
    fc.property(sizes, (all) => {
      const placement = new InodePlacement(128);
      const pieces: Buffer[] = [];
      const writer = new WindowWriter((bytes) => pieces.push(Buffer.from(bytes)));
      const placed = all.map((bytes, index) => ({ start: placement.place(bytes) * NID_BYTES, bytes, value: (index % 255) + 1 }));
      for (const { start, bytes, value } of placed) writer.write(start, Buffer.alloc(bytes, value));
      writer.finish(placement.blocks * BLOCK_BYTES);
      const image = Buffer.concat(pieces);
      t.is(image.length, placement.blocks * BLOCK_BYTES);
      for (const { start, bytes, value } of placed) {
        if (image[start] !== value || image[start + bytes - 1] !== value) t.fail("an inode is not where it was put");
      }
    }),
    { numRuns: 30 },
  );
});
