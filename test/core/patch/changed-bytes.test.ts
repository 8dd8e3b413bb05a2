import test from "ava";
import { contentDifference } from "../../../core/patch/content-difference.js";
import { changedBytes } from "../../../core/patch/changed-bytes.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { FileContent, FileNode } from "../../../core/model/tree.js";
import type { DescribedContent } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

function contentOf(content: DescribedContent): FileContent {
  const tree = memoryTree([
    { path: "", type: "directory" },
    { path: "f", type: "file", content },
  ]);
  return (nodeAt(tree, "f" as ByteString) as FileNode).content;
}

const rows: readonly (readonly [why: string, before: DescribedContent, after: DescribedContent, count: number])[] = [
  ["equal contents", "abc", "abc", 0],
  ["one byte", "abc", "axc", 1],
  ["a longer one", "abc", "abcdef", 3],
  ["a shorter one that differs", "abcdef", "xbc", 4],
  ["two empty ones", "", "", 0],
  ["more than one piece", "a".repeat(600_000), `${"a".repeat(500_000)}b${"a".repeat(99_999)}`, 1],
  ["a hole and zeros", { size: 20_000, data: [[8192, "x"]] }, `${"\0".repeat(8192)}x${"\0".repeat(11_807)}`, 0],
  ["data in the place of a hole", { size: 20_000, data: [] }, { size: 20_000, data: [[4096, "abc"]] }, 3],
  ["data on both sides of holes", { size: 30_000, data: [[0, "ab"]] }, { size: 30_000, data: [[16_384, "cd"]] }, 4],
];

for (const [why, before, after, count] of rows) {
  test(`changedBytes() of ${why} is ${count}`, async (t) => {
    t.deepEqual(await changedBytes(contentOf(before), contentOf(after)), { count, exact: true });
    t.deepEqual(await changedBytes(contentOf(after), contentOf(before)), { count, exact: true });
  });
}

test("changedBytes() reads nothing where both have a hole, and says so when it has read enough", async (t) => {
  const sparse = (data: readonly { offset: number; length: number }[]): { content: FileContent; reads: () => number } => {
    let reads = 0;
    const read = (buffer: Uint8Array): number => {
      reads += buffer.length;
      return buffer.length;
    };
    const content = {
      size: 2 ** 50,
      extents: () => data.map((extent) => ({ ...extent, kind: "data" })),
      open: () => ({ read, verify: () => undefined, close: () => undefined }),
    } as unknown as FileContent;
    return { content, reads: () => reads };
  };
  const [one, other] = [sparse([{ offset: 2 ** 49, length: 4096 }]), sparse([])];
  t.true((await changedBytes(one.content, other.content)).exact);
  t.is(one.reads(), 4096);
  const large = sparse([{ offset: 0, length: 2 ** 50 }]);
  t.false((await changedBytes(large.content, other.content)).exact);
});

test("contentDifference() of a text that is too large tells sizes, not lines", async (t) => {
  const large = "line\n".repeat(4_000_000);
  const found = await contentDifference({ before: contentOf(large), after: contentOf(`${large}more\n`) }, 3);
  t.is(found.kind, "binary");
  t.like(found, { beforeSize: 20_000_000, afterSize: 20_000_005 });
});

test("contentDifference() of texts made to cost it ends before the test is given up", async (t) => {
  const lines = (seed: number): string => Array.from({ length: 60_000 }, (_, at) => `${(at * 7919 * seed) % 61}\n`).join("");
  t.is((await contentDifference({ before: contentOf(lines(1)), after: contentOf(lines(5)) }, 3)).kind, "text");
});
