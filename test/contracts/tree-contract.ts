import { createHash } from "node:crypto";
import type { ExecutionContext, TestFn } from "ava";
import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, FileNode, OtherNode, Tree, TreeNode } from "../../core/model/tree.js";
import type { DescribedEntry } from "./described-tree.js";
import { byWalk, contentOf, describeTree, expectedEntry } from "./described-tree.js";

/**
 * Makes a tree of the kind under test that holds exactly these entries.
 *
 * @param entries The root (path `""`) first, then parents before children.
 */
export type TreeBuilder = (entries: readonly DescribedEntry[], t: ExecutionContext) => Tree | Promise<Tree>;

export interface TreeAbilities {
  /** Sockets; a tar has none. */
  readonly sockets: boolean;
  /** Owners, devices and trusted xattrs: a live directory needs root for them. */
  readonly privileged: boolean;
  /** Whether a hole comes back as a hole. */
  readonly holes: boolean;
}

const ALL: TreeAbilities = { sockets: true, privileged: true, holes: true };
const MiB = 1 << 20;

/** What `core/model/tree.ts` promises, asked of one implementation. */
export function treeContract(test: TestFn, name: string, build: TreeBuilder, abilities: Partial<TreeAbilities> = {}): void {
  const able = { ...ALL, ...abilities };
  const owner = able.privileged ? { uid: 1234, gid: 4_000_000_000 } : {};

  const sameTree = test.macro({
    async exec(t, _: string, entries: readonly DescribedEntry[]) {
      const tree = await build(entries, t);
      const wanted = entries.toSorted(byWalk).map((entry) => expectedEntry(entry, entries));
      t.deepEqual(describeTree(tree), wanted);
      tree.close();
      tree.close();
    },
    title: (_, what) => `${name}: a tree reads back ${String(what)}`,
  });

  test(sameTree, "an empty root directory", [ROOT]);
  test(sameTree, "the root's own metadata", [
    { path: "", type: "directory", mode: 0o1750, mtimeSeconds: 77, mtimeNanoseconds: 5, ...owner },
  ]);
  test(sameTree, "mode, owner and times of each type", [
    ROOT,
    { path: "directory", type: "directory", mode: 0o2711, mtimeSeconds: 1, ...owner },
    { path: "file", type: "file", mode: 0o4755, content: "x", mtimeSeconds: 2, mtimeNanoseconds: 999_999_999, ...owner },
    { path: "link", type: "symlink", target: "no/where", mtimeSeconds: 3, ...owner },
    { path: "pipe", type: "fifo", mode: 0o640, mtimeSeconds: 4, ...owner },
    ...(able.sockets ? [{ path: "socket", type: "socket", mode: 0o755, mtimeSeconds: 5, ...owner } as const] : []),
    ...(able.privileged
      ? ([
          { path: "null", type: "character", mode: 0o666, major: 1, minor: 3, mtimeSeconds: 6, ...owner },
          { path: "disk", type: "block", mode: 0o660, major: 259, minor: 70_000, mtimeSeconds: 7, ...owner },
        ] as const)
      : []),
  ]);
  test(sameTree, "times before 1970, with nanoseconds", [
    ROOT,
    { path: "old", type: "file", content: "", mtimeSeconds: -1_000_000_000, mtimeNanoseconds: 1 },
    { path: "older", type: "directory", mtimeSeconds: -1, mtimeNanoseconds: 999_999_999 },
  ]);
  test(sameTree, "names of any bytes, in byte order", [
    ROOT,
    ...["\xff\xfe", "a", "a b", "a\n", "A", "\x01", "~", "\xc3\xa9", "e\xcc\x81", "-rf", "!", "..a", "x".repeat(255)].map(
      (path) => ({ path, type: "file", content: path }) as const,
    ),
  ]);
  test(sameTree, "contents around a block's length", [
    ROOT,
    ...[0, 1, 511, 512, 4031, 4032, 4033, 4095, 4096, 4097, 8192, MiB, MiB + 1].map(
      (length) => ({ path: `f${length}`, type: "file", content: Buffer.alloc(length, `${length}.`) }) as const,
    ),
  ]);
  test(sameTree, "symlinks of 1 to 4,095 bytes", [
    ROOT,
    ...[1, 100, 4031, 4032, 4033, 4095].map(
      (length) => ({ path: `l${length}`, type: "symlink", target: "t".repeat(length) }) as const,
    ),
  ]);
  test(sameTree, "xattrs with binary values, in byte order of name", [
    ROOT,
    { path: "d", type: "directory", xattrs: { "user.b": "\0\xff\n", "user.a": "", ...trusted(able) } },
    { path: "f", type: "file", content: "x", xattrs: { "user.long": "v".repeat(3000), "user.\xe9": "1" } },
  ]);
  test(sameTree, "hardlinks across directories, of files and of others", [
    ROOT,
    { path: "a", type: "directory" },
    { path: "a/x", type: "file", content: "shared" },
    { path: "a.b", type: "file", linkTo: "a/x" },
    { path: "z", type: "directory" },
    { path: "z/x", type: "file", linkTo: "a/x" },
    { path: "pipe", type: "fifo" },
    { path: "z/pipe", type: "fifo", linkTo: "pipe" },
    { path: "single", type: "file", content: "shared" },
  ]);
  test(sameTree, "deep directories and many names", [
    ROOT,
    ...Array.from(
      { length: 60 },
      (_, depth) =>
        ({
          path: Array(depth + 1)
            .fill("d")
            .join("/"),
          type: "directory",
        }) as const,
    ),
    ...Array.from({ length: 2000 }, (_, n) => ({ path: `n${n}`, type: "file", content: `${n % 7}` }) as const),
  ]);

  const simple: readonly DescribedEntry[] = [
    ROOT,
    { path: "d", type: "directory" },
    { path: "d/f", type: "file", content: "hello" },
    { path: "link", type: "symlink", target: "d" },
  ];

  test(`${name}: child() gives the same node as children(), and undefined for what is absent`, async (t) => {
    const tree = await build(simple, t);
    const directory = tree.root.child("d" as ByteString) as DirectoryNode;
    t.deepEqual((directory.child("f" as ByteString) as FileNode).entry, (first(directory) as FileNode).entry);
    t.is(directory.child("g" as ByteString), undefined);
    t.is(directory.child("" as ByteString), undefined);
    t.is(tree.root.child("." as ByteString), undefined);
    t.is(tree.root.child(".." as ByteString), undefined);
    t.is(tree.root.child("d/f" as ByteString), undefined);
    tree.close();
  });

  test(`${name}: children() can be read again and left half-way`, async (t) => {
    const tree = await build(simple, t);
    for (const [child] of tree.root.children()) {
      t.is(child, "d" as ByteString);
      break;
    }
    t.deepEqual(
      [...tree.root.children()].map(([child]) => child),
      ["d", "link"] as ByteString[],
    );
    tree.close();
  });

  test(`${name}: links of one group have one key and list every path in walk order`, async (t) => {
    const entries: DescribedEntry[] = [
      ROOT,
      { path: "d", type: "directory" },
      { path: "d-1", type: "file", content: "y" },
      { path: "d/1", type: "file", linkTo: "d-1" },
      { path: "e", type: "file", content: "y" },
    ];
    const tree = await build(entries, t);
    const one = tree.root.child("d-1" as ByteString) as FileNode;
    const two = (tree.root.child("d" as ByteString) as DirectoryNode).child("1" as ByteString) as FileNode;
    t.is(one.links?.key, two.links?.key);
    t.deepEqual(one.links?.paths(), ["d/1", "d-1"] as ByteString[]);
    t.is((tree.root.child("e" as ByteString) as OtherNode).links, undefined);
    tree.close();
  });

  test(`${name}: read() gives bytes from any position, fewer only at the end`, async (t) => {
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, n) => (n * n) % 251));
    const tree = await build([ROOT, { path: "f", type: "file", content: bytes }], t);
    const reader = (tree.root.child("f" as ByteString) as FileNode).content.open();
    const buffer = Buffer.alloc(300);
    for (const position of [0, 1, 4000, 4096, 8000, 9700]) {
      t.is(readFully(reader, buffer, position), 300);
      t.deepEqual(buffer, bytes.subarray(position, position + 300));
    }
    t.is(readFully(reader, buffer, 9_900), 100);
    t.is(reader.read(buffer, 10_000), 0);
    t.is(reader.read(buffer, 20_000), 0);
    reader.verify();
    reader.close();
    tree.close();
  });

  test(`${name}: digest() is the SHA-256 of the bytes, and knownDigest never another`, async (t) => {
    for (const length of [0, 5, 4096, 3 * MiB + 17]) {
      const bytes = Buffer.alloc(length, "varve");
      const tree = await build([ROOT, { path: "f", type: "file", content: bytes }], t);
      const { content } = tree.root.child("f" as ByteString) as FileNode;
      const wanted = createHash("sha256").update(bytes).digest("hex");
      t.is(content.digest() as string, wanted);
      if (content.knownDigest !== undefined) t.is(content.knownDigest as string, wanted);
      tree.close();
    }
  });

  test(`${name}: extents() cover a sparse file without gaps, and data lies in none of the holes`, async (t) => {
    const data = [
      [MiB, "one"],
      [3 * MiB, "two"],
    ] as const;
    const tree = await build([ROOT, { path: "f", type: "file", content: { size: 5 * MiB + 1, data } }], t);
    const { content } = tree.root.child("f" as ByteString) as FileNode;
    const extents = [...content.extents()];
    let position = 0;
    for (const { offset, length } of extents) {
      t.is(offset, position);
      t.true(length > 0);
      position += length;
    }
    t.is(position, 5 * MiB + 1);
    const holes = extents.filter(({ kind }) => kind === "hole");
    for (const [at] of data) t.false(holes.some(({ offset, length }) => at >= offset && at < offset + length));
    if (able.holes) t.true(holes.reduce((sum, { length }) => sum + length, 0) >= 4 * MiB);
    t.is(
      content.digest() as string,
      createHash("sha256")
        .update(contentOf({ size: 5 * MiB + 1, data }))
        .digest("hex"),
    );
    tree.close();
  });
}

const ROOT: DescribedEntry = { path: "", type: "directory" };

function trusted({ privileged }: TreeAbilities): Record<string, string> {
  return privileged ? { "trusted.t": "\x01\0\x02", "security.test": "s" } : {};
}

function first(directory: DirectoryNode): TreeNode | undefined {
  for (const [, node] of directory.children()) return node;
  return undefined;
}

function readFully(reader: { read(buffer: Uint8Array, position: number): number }, buffer: Buffer, position: number): number {
  let done = 0;
  while (done < buffer.length) {
    const count = reader.read(buffer.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
