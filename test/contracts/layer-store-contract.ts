import type { ExecutionContext, TestFn } from "ava";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { NO_XATTRS, type DirectoryEntry, type FileEntry } from "../../core/model/entry.js";
import type { LayerId } from "../../core/model/ids.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerStore, LayerWriter } from "../../core/ports/layer-store.js";
import { memoryTree } from "../helpers/memory-tree.js";
import { describeTree, type DescribedEntry } from "./described-tree.js";

const METADATA = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: NO_XATTRS };
const DIRECTORY: DirectoryEntry = { type: "directory", ...METADATA };
const ROOT: DescribedEntry = { path: "", type: "directory" };
const ABSENT = "0".repeat(64) as LayerId;
const name = (text: string): ByteString => text as ByteString;

/** What `core/ports/layer-store.ts` promises, asked of one implementation. Mounting apart: that needs an image file. */
export function layerStoreContract(test: TestFn, kind: string, openEmpty: (t: ExecutionContext) => LayerStore): void {
  test(`${kind}: openTree() of an empty chain is an empty root directory, mode 0755`, (t) => {
    const tree = openEmpty(t).openTree([]);
    t.is(tree.root.entry.mode, 0o755);
    t.deepEqual([...tree.root.children()], []);
    tree.close();
  });

  test(`${kind}: a layer that leads from the empty tree to the empty tree can be written`, async (t) => {
    const store = openEmpty(t);
    const [empty, writer] = [store.openTree([]), store.write([])];
    await writeLayer(writer, empty, empty);
    const tree = store.openTree([writer.publish().id]);
    t.deepEqual([...tree.root.children()], []);
    t.is(tree.root.digest, empty.root.digest);
    for (const each of [empty, tree]) each.close();
  });

  test(`${kind}: openTree() of an absent layer throws LAYER_CORRUPT with path and hint`, (t) => {
    const error = t.throws(() => openEmpty(t).openTree([ABSENT]), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
    t.truthy(error.path);
    t.truthy(error.hint);
  });

  test(`${kind}: a layer is absent before publish() and listed after it`, (t) => {
    const store = openEmpty(t);
    const writer = store.write([]);
    writer.root(DIRECTORY);
    t.deepEqual(store.list(), []);
    const { id } = writer.publish();
    t.deepEqual([store.list(), store.has(id), store.has(ABSENT)], [[id], true, false]);
    t.true(store.storedBytes(id) > 0);
  });

  test(`${kind}: publish() of the same entries gives the same id, of others another`, (t) => {
    const store = openEmpty(t);
    const ids = [0o755, 0o755, 0o700].map((mode) => publish(store, (writer) => void writer.root({ ...DIRECTORY, mode })));
    t.is(ids[0], ids[1]);
    t.not(ids[0], ids[2]);
    t.deepEqual(store.list(), [...new Set(ids)].sort());
  });

  test(`${kind}: abort() leaves nothing and may be repeated, also after publish()`, (t) => {
    const store = openEmpty(t);
    const writer = store.write([]);
    writer.root(DIRECTORY);
    writer.abort();
    writer.abort();
    t.deepEqual(store.list(), []);
    const published = store.write([]);
    published.root(DIRECTORY);
    published.publish();
    published.abort();
    t.is(store.list().length, 1);
  });

  test(`${kind}: sink() keeps what is pushed, holes as holes`, (t) => {
    const store = openEmpty(t);
    const size = 4096 * 5 + 3;
    const id = publish(store, (writer) => {
      const root = writer.root(DIRECTORY);
      const sink = writer.sink();
      sink.write(Buffer.alloc(4096, "a"));
      sink.hole(4096 * 3);
      sink.write(Buffer.alloc(4000, "b"));
      sink.write(Buffer.alloc(99, "c"));
      const stored = sink.close();
      t.is(stored.size, size);
      writer.file(root, name("f"), { type: "file", ...METADATA, size } satisfies FileEntry, stored);
    });
    const tree = store.openTree([id]);
    const node = tree.root.child(name("f"));
    if (node === undefined || !("content" in node)) return t.fail("no file");
    t.deepEqual(
      [...node.content.extents()].filter(({ kind: what }) => what === "hole"),
      [{ offset: 4096, length: 4096 * 3, kind: "hole" }],
    );
    const bytes = Buffer.alloc(size);
    t.is(node.content.open().read(bytes, 0), size);
    t.deepEqual(
      bytes,
      Buffer.concat([Buffer.alloc(4096, "a"), Buffer.alloc(4096 * 3), Buffer.alloc(4000, "b"), Buffer.alloc(99, "c")]),
    );
    tree.close();
  });

  test(`${kind}: a chain adds up: additions, whiteouts, replaced types, hardlinks, contents found again`, async (t) => {
    const store = openEmpty(t);
    let chain: LayerId[] = [];
    for (const entries of VERSIONS) {
      const [base, target] = [store.openTree(chain), memoryTree(entries)];
      const writer = store.write(chain);
      await writeLayer(writer, base, target);
      chain = [writer.publish().id, ...chain];
      const tree = store.openTree(chain);
      t.deepEqual(describeTree(tree), describeTree(target));
      for (const open of [tree, base]) open.close();
    }
  });

  test(`${kind}: a tree that other layers hold is not stored again; of one that differs a little, what differs`, async (t) => {
    const store = openEmpty(t);
    const files = (count: number): DescribedEntry[] => [
      ROOT,
      ...Array.from({ length: count }, (_, n) => ({ path: `f${n}`, type: "file", content: `${n}`.padEnd(50_000, "x") }) as const),
    ];
    const first = await add(store, [], files(20));
    const kept = new Set([first]);
    t.is(await add(store, [], files(20), kept), first);
    t.is(await add(store, [await add(store, [], [ROOT])], files(20), kept), first);
    const longer = await add(store, [], files(21), kept);
    t.true(store.storedBytes(longer) < 70_000);
    t.is(await add(store, [], files(21), new Set([first, longer])), longer);
    t.true(store.storedBytes(await add(store, [], files(22))) > 1_000_000);
    const tree = store.openTree([longer]);
    t.deepEqual(describeTree(tree), describeTree(memoryTree(files(21))));
    tree.close();
  });

  test(`${kind}: one name twice in a directory throws RangeError at publish() at the latest`, (t) => {
    const store = openEmpty(t);
    const twice = (writer: LayerWriter): void => {
      const root = writer.root(DIRECTORY);
      writer.directory(root, name("a"), DIRECTORY);
      writer.directory(root, name("a"), DIRECTORY);
    };
    t.throws(() => publish(store, twice), { instanceOf: RangeError });
    t.deepEqual(store.list(), []);
  });

  test(`${kind}: a character device 0:0 throws UNSUPPORTED`, (t) => {
    const writer = openEmpty(t).write([]);
    const root = writer.root(DIRECTORY);
    const device = { type: "character", ...METADATA, major: 0, minor: 0 } as const;
    t.throws(() => writer.other(root, name("null"), device), { instanceOf: VarveError, code: "UNSUPPORTED" });
    writer.abort();
  });
}

const VERSIONS: readonly (readonly DescribedEntry[])[] = [
  [
    ROOT,
    { path: "a", type: "file", content: "1" },
    { path: "d", type: "directory" },
    { path: "d/x", type: "file", content: "x".repeat(9000) },
  ],
  [
    ROOT,
    { path: "a", type: "directory" },
    { path: "a/in", type: "fifo" },
    { path: "d", type: "directory" },
    { path: "d/y", type: "file", content: "x".repeat(9000) },
  ],
  [ROOT, { path: "d", type: "symlink", target: "a" }],
  [ROOT, { path: "a", type: "file", content: "1" }, { path: "d", type: "directory" }, { path: "d/z", type: "file", linkTo: "a" }],
  [ROOT, { path: "a", type: "file", content: "1" }, { path: "d", type: "directory", mode: 0o700 }],
];

async function add(
  store: LayerStore,
  chain: readonly LayerId[],
  entries: readonly DescribedEntry[],
  kept?: ReadonlySet<LayerId>,
): Promise<LayerId> {
  const base = store.openTree(chain);
  const writer = store.write(chain, kept);
  await writeLayer(writer, base, memoryTree(entries));
  base.close();
  return writer.publish().id;
}

function publish(store: LayerStore, fill: (writer: LayerWriter) => void): LayerId {
  const writer = store.write([]);
  try {
    fill(writer);
    return writer.publish().id;
  } finally {
    writer.abort();
  }
}
