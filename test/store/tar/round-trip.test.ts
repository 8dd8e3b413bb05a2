import test from "ava";
import fc from "fast-check";
import type { Tree } from "../../../core/model/tree.js";
import { exportTar, type ExportOptions } from "../../../store/tar/export-tar.js";
import { encodePaxRecord, formatPaxTime, parsePaxRecords, parsePaxTime } from "../../../store/tar/pax-records.js";
import type { Fail } from "../../../store/tar/tar-fault.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { importBytes } from "./import-bytes.js";

async function exported(tree: Tree, options?: ExportOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await exportTar(tree, (chunk) => void chunks.push(chunk), options);
  return Buffer.concat(chunks);
}

const ROOT: DescribedEntry = { path: "", type: "directory" };

// A tar has no sockets, and security.* other than capabilities is dropped on the way in.
const UNABLE = { sockets: false, privileged: false } as const;
treeContract(test, "tar, holes written out", async (entries) => (await importBytes(await exported(memoryTree(entries)))).tree, {
  ...UNABLE,
  holes: false,
});
treeContract(
  test,
  "tar, sparse",
  async (entries) => (await importBytes(await exported(memoryTree(entries), { sparse: true }))).tree,
  UNABLE,
);

test("exportTar() and importTar() give any tree back, and the same bytes again", async (t) => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree, fc.boolean(), async (entries, sparse) => {
      const tree = memoryTree(entries);
      const bytes = await exported(tree, { sparse });
      const { tree: back, warnings } = await importBytes(bytes);
      t.deepEqual(describeTree(back), describeTree(tree));
      t.deepEqual(warnings, []);
      t.true((await exported(back, { sparse })).equals(bytes));
    }),
    { numRuns: 150 },
  );
});

const bytes = (constraints: { minLength: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.uint8Array(constraints).map((array) => Buffer.from(array).toString("latin1"));
const name = bytes({ minLength: 1, maxLength: 255 })
  .map((text) => text.replace(/[/\0]/g, "_"))
  .filter((text) => text !== "." && text !== "..");
const metadata = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 4_294_967_294 }),
  gid: fc.integer({ min: 0, max: 4_294_967_294 }),
  mtimeSeconds: fc.oneof(fc.integer({ min: -10, max: 10 }), fc.maxSafeInteger()).filter((n) => n > Number.MIN_SAFE_INTEGER),
  mtimeNanoseconds: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
  xattrs: fc.dictionary(
    bytes({ minLength: 1, maxLength: 100 }).map((text) => `user.${text.replaceAll("\0", "0")}`),
    bytes({ minLength: 0, maxLength: 2000 }),
    { maxKeys: 3 },
  ),
};
const leaf = fc.oneof(
  fc.record({ type: fc.constant("file" as const), content: bytes({ minLength: 0, maxLength: 2000 }), ...metadata }),
  fc.record({
    type: fc.constant("symlink" as const),
    target: bytes({ minLength: 1, maxLength: 300 }).map((text) => text.replaceAll("\0", "0")),
    ...metadata,
  }),
  fc.record({
    type: fc.constantFrom("character" as const, "block" as const),
    major: fc.integer({ min: 1, max: 4095 }),
    minor: fc.integer({ min: 0, max: 1_048_575 }),
    ...metadata,
  }),
  fc.record({ type: fc.constantFrom("fifo" as const, "directory" as const), ...metadata }),
);

/** Overlayfs's own are dropped on the way in, see the hostile corpus; a user's stand on files and directories alone. */
function xattrsThatStay({ type, xattrs = {} }: DescribedEntry): Readonly<Record<string, string>> {
  const prefix = type === "file" || type === "directory" ? "user." : "trusted.";
  return Object.fromEntries(
    Object.entries(xattrs)
      .filter(([key]) => !key.startsWith("user.overlay."))
      .map(([key, value]) => [key.replace(/^user\./, prefix), value]),
  );
}

test("exportTar() and importTar() give back names, owners, times and xattrs of all values", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      fc.array(leaf, { minLength: 3, maxLength: 3 }),
      async (names, leaves) => {
        const entries: DescribedEntry[] = [
          ROOT,
          ...names.map((path, index) => ({ path, ...leaves[index] }) as DescribedEntry),
        ].map((entry) => ({
          ...entry,
          xattrs: xattrsThatStay(entry),
        }));
        const tree = memoryTree(entries);
        t.deepEqual(describeTree((await importBytes(await exported(tree), 5000)).tree), describeTree(tree));
      },
    ),
    { numRuns: 300 },
  );
});

test("exportTar() leaves sockets out and tells their paths", async (t) => {
  const tree = memoryTree([
    ROOT,
    { path: "run", type: "directory" },
    { path: "run/a\xff.sock", type: "socket" },
    { path: "x", type: "file" },
  ]);
  const chunks: Uint8Array[] = [];
  const { skipped } = await exportTar(tree, (chunk) => void chunks.push(chunk));
  t.deepEqual(skipped, ["/run/a\ufffd.sock"]);
  t.deepEqual(
    describeTree((await importBytes(Buffer.concat(chunks))).tree).map(({ path }) => path),
    ["", "run", "x"],
  );
});

test("exportTar() waits for each chunk, and never touches one that it has handed over", async (t) => {
  const content = Buffer.alloc(3_000_000, "varve");
  const tree = memoryTree([ROOT, { path: "big", type: "file", content }]);
  const chunks: { chunk: Uint8Array; copy: Buffer }[] = [];
  let waiting = 0;
  await exportTar(tree, async (chunk) => {
    waiting += 1;
    t.is(waiting, 1);
    chunks.push({ chunk, copy: Buffer.from(chunk) });
    await new Promise((resolve) => setImmediate(resolve));
    waiting -= 1;
  });
  t.true(chunks.length > 5);
  for (const { chunk, copy } of chunks) t.true(copy.equals(chunk));
  t.is(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0) % 10_240, 0);
});

test("exportTar() passes on what its sink throws, and stops", async (t) => {
  let calls = 0;
  const tree = memoryTree([ROOT, { path: "big", type: "file", content: Buffer.alloc(3_000_000) }]);
  const failure = await t.throwsAsync(
    exportTar(tree, () => {
      calls += 1;
      return Promise.reject(new RangeError("full"));
    }),
  );
  t.is(failure.message, "full");
  t.is(calls, 1);
});

test("exportTar() of content that became shorter throws SOURCE_CHANGED with its path", async (t) => {
  const tree = memoryTree([ROOT, { path: "f", type: "file", content: "four" }]);
  const node = tree.root.child("f" as never);
  t.true(node !== undefined && "content" in node);
  if (node === undefined || !("content" in node)) return;
  const shrunk = {
    ...node,
    content: {
      ...node.content,
      size: 4,
      extents: () => [],
      open: () => ({ read: () => 0, verify: () => undefined, close: () => undefined }),
    },
  };
  const changed: Tree = { root: { ...tree.root, children: () => [["f", shrunk] as never] }, close: () => undefined };
  const error = await t.throwsAsync(exported(changed), { code: "SOURCE_CHANGED" });
  t.like(error, { path: "/f" });
});

const fail: Fail = (problem) => {
  throw new RangeError(problem);
};

test("parsePaxRecords() gives back what encodePaxRecord() wrote, for values of any length", (t) => {
  for (let length = 0; length < 1100; length += 1) {
    const value = Buffer.alloc(length, "=\n");
    const records = parsePaxRecords(Buffer.concat([encodePaxRecord("k", value), encodePaxRecord("path", "x")]), fail);
    t.deepEqual(
      records.map((record) => [record.key as string, record.value.toString()]),
      [
        ["k", value.toString()],
        ["path", "x"],
      ],
    );
  }
});

test("parsePaxTime() gives back what formatPaxTime() wrote", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanoseconds) => {
        t.deepEqual(parsePaxTime(Buffer.from(formatPaxTime(seconds, nanoseconds))), {
          seconds: seconds === 0 ? 0 : seconds,
          nanoseconds,
        });
      },
    ),
  );
});
