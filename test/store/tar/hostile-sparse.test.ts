import test from "ava";
import { importBytes, listing } from "./import-bytes.js";
import { rejected, taken, testCases, type Case } from "./hostile-cases.js";
import { archive, directory, entry, file, hardlink, padded, pax } from "./raw-tar.js";

/** Family C of the hostile corpus: sparse files. */
const sparse1 = (map: string, size: string, data: string): Buffer[] => [
  pax([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "f"],
    ["GNU.sparse.realsize", size],
  ]),
  entry({ name: "GNUSparseFile.0/f" }, Buffer.concat([padded(map), Buffer.from(data)])),
];
const sparse01 = (map: string, size: string, data: string): Buffer[] => [
  pax([
    ["GNU.sparse.size", size],
    ["GNU.sparse.map", map],
    ["GNU.sparse.name", "f"],
  ]),
  file("GNUSparseFile.0/f", data),
];
const sparseS = (pieces: readonly (readonly [number, number])[], size: number, data: string, isExtended = false): Buffer =>
  entry(
    {
      name: "f",
      typeflag: "S",
      magic: "ustar  \0",
      patch: (block) => {
        for (const [index, [offset, length]] of pieces.entries()) {
          block.write(
            `${offset.toString(8).padStart(11, "0")}\0${length.toString(8).padStart(11, "0")}\0`,
            386 + 24 * index,
            "latin1",
          );
        }
        if (isExtended) block[482] = 1;
        block.write(`${size.toString(8).padStart(11, "0")}\0`, 483, "latin1");
      },
    },
    data,
  );
const SPARSE = `f: file 0644 ${JSON.stringify("\0\0ab\0\0\0cd\0")}`;

const SPARSES: readonly Case[] = [
  taken(
    "C93",
    "a sparse file of the old form",
    [SPARSE],
    sparseS(
      [
        [2, 2],
        [7, 2],
      ],
      10,
      "abcd",
    ),
  ),
  taken(
    "C93",
    "a sparse file of the old form with a map in two blocks",
    [SPARSE],
    Buffer.concat([sparseS([[2, 2]], 10, "abcd", true).subarray(0, 512), padded("00000000007\x0000000000002\0"), padded("abcd")]),
  ),
  taken(
    "C93",
    "a sparse file 0.0",
    [SPARSE],
    pax([
      ["GNU.sparse.size", "10"],
      ["GNU.sparse.numblocks", "2"],
      ["GNU.sparse.offset", "2"],
      ["GNU.sparse.numbytes", "2"],
      ["GNU.sparse.offset", "7"],
      ["GNU.sparse.numbytes", "2"],
    ]),
    file("f", "abcd"),
  ),
  taken("C93", "a sparse file 0.1", [SPARSE], ...sparse01("2,2,7,2", "10", "abcd")),
  taken("C93", "a sparse file 1.0", [SPARSE], ...sparse1("3\n2\n2\n7\n2\n10\n0\n", "10", "abcd")),
  taken(
    "C93",
    "a sparse file that is one hole",
    [`f: file 0644 ${JSON.stringify("\0".repeat(10))}`],
    ...sparse1("0\n", "10", ""),
  ),
  taken(
    "C93",
    "a file after a sparse file",
    [SPARSE, 'g: file 0644 "x"'],
    ...sparse1("2\n2\n2\n7\n2\n", "10", "abcd"),
    file("g", "x"),
  ),
  rejected(
    "C93",
    "a sparse file 2.0",
    /sparse format is 2.0/,
    pax([
      ["GNU.sparse.major", "2"],
      ["GNU.sparse.minor", "0"],
    ]),
    file("f"),
  ),
  rejected(
    "C93",
    "a sparse directory",
    /it is sparse, but a directory/,
    pax([
      ["GNU.sparse.size", "10"],
      ["GNU.sparse.map", ""],
    ]),
    directory("d"),
  ),
  rejected("C94", "a sparse map that overlaps", /does not ascend/, ...sparse01("2,2,3,2", "10", "abcd")),
  rejected("C94", "a sparse map that descends", /does not ascend/, ...sparse01("7,2,2,2", "10", "abcd")),
  rejected("C94", "a sparse map with a negative offset", /missing or no number/, ...sparse01("-2,2", "10", "ab")),
  rejected("C94", "a sparse map beyond the size", /reaches beyond its size/, ...sparse01("2,2,9,2", "10", "abcd")),
  rejected(
    "C94",
    "a sparse map with more data than is stored",
    /4 bytes of data, but 2 are stored/,
    ...sparse01("2,2,7,2", "10", "ab"),
  ),
  rejected(
    "C94",
    "a sparse map with less data than is stored",
    /2 bytes of data, but 4 are stored/,
    ...sparse01("2,2", "10", "abcd"),
  ),
  rejected("C94", "a sparse map with an offset alone", /offset without a length/, ...sparse01("2", "10", "ab")),
  rejected("C94", "a sparse file without its size", /missing or no number/, pax([["GNU.sparse.map", "0,1"]]), file("f", "x")),
  rejected("C94", "a sparse map of many empty pieces", /pieces without data/, ...sparse01("0,0,0,0,0,0", "10", "")),
  rejected(
    "C94",
    "a sparse map of 1,000,000 empty pieces",
    /pieces without data/,
    ...sparse1(`1000000\n${"0\n".repeat(2_000_000)}`, "10", ""),
  ),
  rejected("C94", "a sparse map of more pieces than are taken", /more than 1000000 pieces/, ...sparse1("1000001\n", "10", "")),
  rejected(
    "C94",
    "a sparse map that its body does not hold",
    /reaches beyond its body/,
    ...sparse1(`500\n${"1\n".repeat(254)}`, "10", ""),
  ),
  rejected("C94", "a sparse file of 4 PiB without data", /bytes of holes/, ...sparse01("", String(2 ** 52), "")),
  rejected(
    "C94",
    "an old sparse map with letters",
    /number that can't be read/,
    entry({ name: "f", typeflag: "S", patch: (block) => block.write("xxxxxxxxxxx\0yyyyyyyyyyy\0", 386, "latin1") }, "ab"),
  ),
];

testCases(SPARSES);

test("importTar() gives the same tree for pieces of any length", async (t) => {
  const bytes = archive(
    pax([
      ["path", "a/b"],
      ["SCHILY.xattr.user.x", "\0\n="],
    ]),
    file("f", "hello".repeat(300)),
    ...sparse1("2\n2\n2\n7\n2\n", "10", "abcd"),
    hardlink("h", "a/b"),
  );
  const wanted = listing(await importBytes(bytes));
  for (const step of [1, 2, 7, 511, 512, 513, 1023, 1024, 1025])
    t.deepEqual(listing(await importBytes(bytes, step)), wanted, String(step));
});

test("importTar() keeps the holes of a sparse file", async (t) => {
  const { tree, writer } = await importBytes(archive(...sparse01("2,2,7,2", "10", "abcd")));
  const node = tree.root.child("f" as never);
  t.true(node !== undefined && "content" in node);
  if (node === undefined || !("content" in node)) return;
  t.deepEqual(
    writer.extents(node.content.stored).map(({ offset, length, kind }) => `${kind} ${offset} ${length}`),
    ["hole 0 2", "data 2 2", "hole 4 3", "data 7 2", "hole 9 1"],
  );
});
