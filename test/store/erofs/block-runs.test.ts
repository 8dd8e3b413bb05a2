import test from "ava";
import fc from "fast-check";
import {
  chunkCount,
  exactChunkBits,
  runsOfChunks,
  smallestChunkBits,
  touchedRanges,
  type BlockRun,
} from "../../../store/erofs/block-runs.js";
import { HOLE_ADDRESS } from "../../../store/erofs/image-format.js";

const CASES: readonly (readonly [what: string, runs: readonly BlockRun[], blocks: number, bits: number])[] = [
  ["one run is one chunk", [{ block: 0, count: 5, address: 9 }], 5, 3],
  ["no run is one chunk that is a hole", [], 1000, 10],
  ["a hole after a run ends on a chunk's boundary", [{ block: 0, count: 8, address: 0 }], 100, 3],
  ["an odd block makes chunks of one block", [{ block: 3, count: 1, address: 0 }], 100, 0],
  [
    "a run that goes on elsewhere begins a chunk",
    [
      { block: 0, count: 4, address: 0 },
      { block: 4, count: 4, address: 100 },
    ],
    8,
    2,
  ],
  ["a chunk has at most 2^31 blocks", [], 2 ** 40, 31],
];

for (const [what, runs, blocks, bits] of CASES) {
  test(`exactChunkBits(): ${what}`, (t) => {
    t.is(exactChunkBits(runs, blocks), bits);
  });
}

test("smallestChunkBits() covers a file with no more chunks than the limit", (t) => {
  for (const blocks of [1, 16_384, 16_385, 2 ** 28, 2 ** 38]) {
    const bits = smallestChunkBits(blocks);
    t.true(chunkCount(blocks, bits) <= 16_384);
    t.true(bits === 0 || chunkCount(blocks, bits - 1) > 16_384);
  }
});

test("touchedRanges() covers all data by whole chunks, apart and in order", (t) => {
  t.deepEqual(
    touchedRanges(
      [
        { offset: 5000, length: 1 },
        { offset: 9000, length: 10 },
      ],
      100_000,
      0,
    ),
    [{ offset: 4096, length: 8192 }],
  );
  t.deepEqual(touchedRanges([{ offset: 70_000, length: 1 }], 70_001, 2), [{ offset: 65_536, length: 4465 }]);
  t.deepEqual(touchedRanges([], 100, 0), []);
});

test("runsOfChunks() gives back the runs of which an index was made", (t) => {
  const gaps = fc.array(fc.record({ gap: fc.nat(3), count: fc.integer({ min: 1, max: 5 }), address: fc.nat(1000) }));
  fc.assert(
    fc.property(gaps, fc.nat(3), (parts, rest) => {
      let block = 0;
      const runs = parts.map(({ gap, count, address }, index) => {
        const run = { block: block + gap, count, address: address + index * 2000, device: index % 3 };
        block += gap + count;
        return run;
      });
      const blocks = block + rest;
      if (blocks === 0) return;
      const bits = exactChunkBits(runs, blocks);
      const index = (chunk: number): { device: number; address: number } => {
        const at = chunk * 2 ** bits;
        const run = runs.find((one) => at >= one.block && at < one.block + one.count);
        return run === undefined
          ? { device: 0, address: HOLE_ADDRESS }
          : { device: run.device, address: run.address + at - run.block };
      };
      t.deepEqual([...runsOfChunks(blocks, bits, index)], runs);
    }),
  );
});
