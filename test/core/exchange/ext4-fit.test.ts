import test from "ava";
import { fitExt4 } from "../../../core/exchange/ext4-fit.js";
import { sizeOfExt4 } from "../../../core/exchange/ext4-size.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { FileNode, Tree } from "../../../core/model/tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";

const MIB = 1024 ** 2;
const ROOT: DescribedEntry = { path: "", type: "directory" };

test("fitExt4() of a tree that ext4 holds gives the tree itself", async (t) => {
  const tree = memoryTree([ROOT, { path: "a", type: "file", xattrs: { "user.a": "v" }, mtimeSeconds: 15_032_385_535 }]);
  const fit = await fitExt4(tree);
  t.is(fit.tree, tree);
  t.deepEqual(fit.losses, []);
  t.false(fit.hasLargeXattrs);
});

test("fitExt4() brings times that ext4 can't hold to the nearest that it can, and tells of each", async (t) => {
  const tree = memoryTree([
    ROOT,
    { path: "early", type: "file", mtimeSeconds: -(2 ** 31) - 1, mtimeNanoseconds: 5 },
    { path: "late", type: "directory", mtimeSeconds: 15_032_385_536, mtimeNanoseconds: 5 },
  ]);
  const { tree: fitted, losses } = await fitExt4(tree);
  const times = ["early", "late"].map((path) => nodeAt(fitted, path as ByteString)!.entry);
  t.deepEqual(
    times.map(({ mtimeSeconds, mtimeNanoseconds }) => [mtimeSeconds, mtimeNanoseconds]),
    [
      [-(2 ** 31), 0],
      [15_032_385_535, 0],
    ],
  );
  t.deepEqual(
    losses.map(({ path }) => path),
    ["/early", "/late"],
  );
});

test("fitExt4() asks for inodes of their own for xattrs that one block does not hold, and leaves out names that it has no room for", async (t) => {
  const large = await fitExt4(memoryTree([ROOT, { path: "a", type: "file", xattrs: { "user.a": "v".repeat(5000) } }]));
  t.true(large.hasLargeXattrs);
  t.deepEqual(large.losses, []);
  t.is(large.inodes, 3);
  const names = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`user.${"n".repeat(240)}${index}`, ""]));
  const many = await fitExt4(memoryTree([ROOT, { path: "a", type: "file", xattrs: names }]));
  const kept = nodeAt(many.tree, "a" as ByteString)!.entry.xattrs;
  t.is(kept.length + many.losses.length, 20);
  t.true(many.losses.length > 0);
});

test("fitExt4() of what can't be left out throws UNSUPPORTED", async (t) => {
  const manyNames: FileNode = {
    ...(nodeAt(memoryTree([ROOT, { path: "a", type: "file" }]), "a" as ByteString) as FileNode),
    links: { key: "a", paths: () => Array.from({ length: 65_001 }, (_, index) => String(index) as ByteString) },
  };
  const tooLarge: FileNode = {
    ...manyNames,
    links: undefined,
    content: { ...manyNames.content, size: 2 ** 44 },
  };
  for (const [node, says] of [
    [manyNames, /it has 65001 names, wanted 65000 at most/],
    [tooLarge, /it has 17592186044416 bytes/],
  ] as const) {
    const { root } = memoryTree([ROOT]);
    const tree: Tree = {
      root: { ...root, entry: root.entry, children: () => [["a" as ByteString, node]] },
      close: () => undefined,
    };
    await t.throwsAsync(fitExt4(tree), { code: "UNSUPPORTED", message: says });
  }
});

for (const [blocks, inodes, wanted, size] of [
  [1, 1, undefined, 80 * MIB],
  [1_000_000, 1, undefined, 5392 * MIB],
  [1, 1_000_000, undefined, 416 * MIB],
  [1, 1, 1024 * MIB + 7, 1024 * MIB + 7],
] as const) {
  test(`sizeOfExt4() of ${blocks} blocks and ${inodes} inodes, ${wanted ?? "no size"} wanted, is ${size}`, (t) => {
    const made = sizeOfExt4({ blocks, inodes }, wanted);
    t.is(made.size, size);
    t.true(made.inodes >= inodes && made.inodes >= Math.floor(size / 16_384));
  });
}

test("sizeOfExt4() of too small a size throws DISK_FULL, and names one that it then takes", (t) => {
  const fit = { blocks: 300_000, inodes: 40_000 };
  const error = t.throws(() => sizeOfExt4(fit, 1024 * MIB), { code: "DISK_FULL" }) as Error & { hint: string };
  const [, least] = /--size (\d+)m/.exec(error.hint)!;
  t.is(sizeOfExt4(fit, Number(least) * MIB).size, Number(least) * MIB);
  t.throws(() => sizeOfExt4(fit, (Number(least) - 1) * MIB), { code: "DISK_FULL" });
});
