import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryEntry, FileEntry } from "../../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../../../core/model/ids.js";
import type { FileContent, FileNode } from "../../../core/model/tree.js";
import { atOnce } from "../../../core/turns.js";
import { storeLayout } from "../../../store/store-layout.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { addDescribed, layerFixture, mountTmpfs, publish } from "../erofs/layer-fixture.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };
const DIRECTORY: DirectoryEntry = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: [],
};
const ABSENT = "0".repeat(64) as LayerId;

function name(text: string): ByteString {
  return text as ByteString;
}

function fileEntry(size: number): FileEntry {
  return { ...DIRECTORY, type: "file", mode: 0o644, size };
}

function contentOf(bytes: Buffer, overrides: Partial<FileContent> = {}): FileContent {
  const digest = createHash("sha256").update(bytes).digest("hex") as ContentDigest;
  return {
    size: bytes.length,
    digest: () => digest,
    knownDigest: undefined,
    stored: undefined,
    extents: () => [{ offset: 0, length: bytes.length, kind: "data" }],
    open: () => ({
      read: (buffer, position) => bytes.copy(buffer, 0, position),
      verify: () => undefined,
      close: () => undefined,
    }),
    ...overrides,
  };
}

treeContract(test, "openTree() of one layer", async (entries, t) => {
  const { store } = layerFixture(t);
  return store.openTree(await addDescribed(store, [], entries));
});

treeContract(test, "openTree() of a chain that grew entry by entry", async (entries, t) => {
  const { store } = layerFixture(t);
  const steps = [1, Math.ceil(entries.length / 3), Math.ceil((entries.length * 2) / 3), entries.length];
  let chain: LayerId[] = [];
  for (const count of steps) chain = await addDescribed(store, chain, entries.slice(0, count));
  return store.openTree(chain);
});

treeContract(test, "openTree() of a chain that replaced another tree", async (entries, t) => {
  const { store } = layerFixture(t);
  const before: DescribedEntry[] = [
    ROOT,
    ...["a", "d", "z", "directory", "link"].map((path) => ({ path, type: "file", content: path }) as const),
    { path: "f", type: "directory" },
    { path: "f/x", type: "file", content: "x" },
    { path: "pipe", type: "symlink", target: "x" },
  ];
  return store.openTree(await addDescribed(store, await addDescribed(store, [], before), entries));
});

test("openTree() of an empty chain is an empty root directory", (t) => {
  const tree = layerFixture(t).store.openTree([]);
  t.deepEqual([...tree.root.children()], []);
  t.is(tree.root.child(name("x")), undefined);
  t.deepEqual(tree.root.entry, { ...DIRECTORY, xattrs: [] });
  tree.close();
});

test("openTree() of an absent layer throws LAYER_CORRUPT with path and hint", (t) => {
  const { store, layers } = layerFixture(t);
  const error = t.throws(() => store.openTree([ABSENT]), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
  t.is(error.path, path.join(layers, ABSENT));
  t.truthy(error.hint);
});

test("publish() puts one read-only file under its id and leaves no scratch", (t) => {
  const { store, layers, scratch } = layerFixture(t);
  const writer = store.write([]);
  t.regex(readdirSync(scratch).join(), new RegExp(`^layer-${process.pid}-\\d+$`));
  writer.root(DIRECTORY);
  t.deepEqual(readdirSync(layers), []);
  const { id, storedBytes } = writer.publish();
  t.deepEqual(readdirSync(layers), [id]);
  t.deepEqual(readdirSync(scratch), []);
  t.is(statSync(path.join(layers, id)).mode & 0o777, 0o400);
  t.true(store.has(id));
  t.is(store.storedBytes(id), storedBytes);
  t.deepEqual(store.list(), [id]);
  t.deepEqual(store.image(id), { id, path: path.join(layers, id), devices: [] });
  writer.abort();
  t.true(store.has(id));
});

test("publish() of the same layer again leaves the first file alone", (t) => {
  const { store, layers, scratch } = layerFixture(t);
  const once = (): LayerId => publish(store, [], (writer) => void writer.root(DIRECTORY));
  const id = once();
  const { ino, mtimeNs } = statSync(path.join(layers, id), { bigint: true });
  t.is(once(), id);
  const after = statSync(path.join(layers, id), { bigint: true });
  t.deepEqual([after.ino, after.mtimeNs], [ino, mtimeNs]);
  t.deepEqual(readdirSync(scratch), []);
});

test("publish() of the same entries gives the same bytes, in another store and another process directory", async (t) => {
  const entries: DescribedEntry[] = [
    ROOT,
    ...Array.from({ length: 500 }, (_, n) => ({ path: `f${n}`, type: "file", content: "x".repeat(n * 37) }) as const),
    { path: "big", type: "file", content: Buffer.alloc(9 << 20, 1) },
  ];
  const images = [];
  for (const _ of [1, 2]) {
    const { store } = layerFixture(t);
    const [id] = await addDescribed(store, [], entries);
    images.push(readFileSync(store.image(id as LayerId).path));
  }
  t.true(images[0]?.equals(images[1] as Buffer));
});

test("abort() removes the scratch file and may be repeated", (t) => {
  const { store, layers, scratch } = layerFixture(t);
  const writer = store.write([]);
  writer.root(DIRECTORY);
  atOnce(writer.store(contentOf(Buffer.alloc(9 << 20, 1))));
  writer.abort();
  writer.abort();
  t.deepEqual([readdirSync(scratch), readdirSync(layers)], [[], []]);
});

test("has(), storedBytes() and image() of an absent layer say so", (t) => {
  const { store } = layerFixture(t);
  t.false(store.has(ABSENT));
  t.throws(() => store.storedBytes(ABSENT), { code: "LAYER_CORRUPT" });
  t.throws(() => store.image(ABSENT), { code: "LAYER_CORRUPT" });
});

test("list() gives ids in ascending order and passes over what is no layer", (t) => {
  const { store, layers } = layerFixture(t);
  const ids = [1, 2, 3].map((mode) => publish(store, [], (writer) => void writer.root({ ...DIRECTORY, mode })));
  writeFileSync(path.join(layers, "README"), "");
  t.deepEqual(store.list(), ids.toSorted());
});

test("store() keeps equal contents once, short and long", (t) => {
  const { store } = layerFixture(t);
  const sizes = { once: 0, often: 0 };
  for (const kind of ["once", "often"] as const) {
    const id = publish(store, [], (writer) => {
      const root = writer.root(DIRECTORY);
      for (let n = 0; n < 20; n += 1) {
        for (const bytes of [Buffer.alloc(3000, 7), Buffer.alloc(100_000, 8), Buffer.alloc(6 << 20, 9)]) {
          if (kind === "once" && n > 0) continue;
          const stored = atOnce(writer.store(contentOf(bytes)));
          t.deepEqual(writer.find(stored.digest, stored.size)?.digest, stored.digest);
          writer.file(root, name(`${bytes.length}-${n}`), fileEntry(bytes.length), stored);
        }
      }
    });
    sizes[kind] = store.storedBytes(id);
  }
  // Each short file carries its bytes in its inode.
  t.true(sizes.often < sizes.once + 20 * 4096 + 16_384);
});

test("store() of content with a digest that the layer knows does not read it", (t) => {
  const { store } = layerFixture(t);
  const writer = store.write([]);
  const bytes = Buffer.alloc(5000, 1);
  const known = atOnce(writer.store(contentOf(bytes)));
  const open = (): never => {
    throw new VarveError("BUG", "Cannot do this: it must not be read");
  };
  t.is(atOnce(writer.store(contentOf(bytes, { knownDigest: known.digest, open }))).digest, known.digest);
  writer.abort();
});

for (const size of [100, 5000, 9 << 20]) {
  test(`store() of a file of ${size} bytes that changes while it is read throws SOURCE_CHANGED, and the layer goes on`, (t) => {
    const { store } = layerFixture(t);
    const changed = contentOf(Buffer.alloc(size, 1), {
      open: () => ({
        read: (buffer, position) => Math.min(buffer.fill(1).length, size - position),
        verify: () => {
          throw new VarveError("SOURCE_CHANGED", "Cannot read it: it changed");
        },
        close: () => undefined,
      }),
    });
    const shorter = contentOf(Buffer.alloc(size, 1), {
      open: () => ({ read: () => 0, verify: () => undefined, close: () => undefined }),
    });
    const id = publish(store, [], (writer) => {
      const root = writer.root(DIRECTORY);
      t.throws(() => atOnce(writer.store(changed)), { code: "SOURCE_CHANGED" });
      t.throws(() => atOnce(writer.store(shorter)), { code: "SOURCE_CHANGED" });
      const whole = atOnce(writer.store(contentOf(Buffer.alloc(size, 2))));
      writer.file(root, name("f"), fileEntry(size), whole);
    });
    const tree = store.openTree([id]);
    t.is(describeTree(tree)[1]?.["sha256"], createHash("sha256").update(Buffer.alloc(size, 2)).digest("hex"));
    tree.close();
    t.true(store.storedBytes(id) < size + 20_000);
  });
}

test("borrow() of content outside of the chain copies it", async (t) => {
  const { store } = layerFixture(t);
  const [other] = await addDescribed(store, [], [ROOT, { path: "f", type: "file", content: "o".repeat(9000) }]);
  const tree = store.openTree([other as LayerId]);
  const { stored } = (tree.root.child(name("f")) as FileNode).content;
  const id = publish(store, [], (writer) => {
    const root = writer.root(DIRECTORY);
    writer.file(root, name("g"), fileEntry(9000), writer.borrow(stored as never));
  });
  tree.close();
  t.deepEqual(store.image(id).devices, []);
  t.true(store.storedBytes(id) >= 9000);
});

test("borrow() of this layer's own content gives it back", (t) => {
  const { store } = layerFixture(t);
  const writer = store.write([]);
  const stored = atOnce(writer.store(contentOf(Buffer.alloc(5000))));
  t.is(writer.borrow(stored), stored);
  t.throws(() => writer.borrow({ digest: stored.digest, size: 5000, layers: [] }), { instanceOf: TypeError });
  writer.abort();
});

test("a layer over 200 lenders has them all in its device table", async (t) => {
  const { store } = layerFixture(t);
  let chain: LayerId[] = [];
  const entries: DescribedEntry[] = [ROOT];
  for (let n = 0; n < 200; n += 1) {
    entries.push({ path: `f${n}`, type: "file", content: `${n}`.padEnd(4096, "x"), mode: 0o600 });
    chain = await addDescribed(store, chain, entries);
  }
  const all = entries.map((entry) => (entry.type === "file" ? { ...entry, mode: 0o644 } : entry));
  const top = await addDescribed(store, chain, all);
  t.is(store.image(top[0] as LayerId).devices.length, 200);
  const tree = store.openTree(top);
  t.is((tree.root.child(name("f7")) as FileNode).content.open().read(Buffer.alloc(4096), 0), 4096);
  tree.close();
});

test("a directory's digest is that of the newest layer which holds it", (t) => {
  const { store } = layerFixture(t);
  const digests = ["1", "2", "3"].map((digit) => digit.repeat(64) as DirectoryDigest);
  const below = publish(store, [], (writer) => {
    const root = writer.root(DIRECTORY);
    writer.setDirectoryDigest(writer.directory(root, name("a"), DIRECTORY), digests[0] as DirectoryDigest);
    writer.directory(root, name("b"), DIRECTORY);
    writer.setDirectoryDigest(root, digests[1] as DirectoryDigest);
  });
  const above = publish(store, [below], (writer) =>
    writer.setDirectoryDigest(writer.root(DIRECTORY), digests[2] as DirectoryDigest),
  );
  const tree = store.openTree([above, below]);
  const digestOf = (child: string): unknown => (tree.root.child(name(child)) as { digest?: unknown }).digest;
  t.deepEqual([tree.root.digest, digestOf("a"), digestOf("b")], [digests[2], digests[0], undefined]);
  tree.close();
});

const REFUSED: readonly (readonly [what: string, act: (w: Parameters<Parameters<typeof publish>[2]>[0]) => unknown])[] = [
  ["an empty name", (w) => w.directory(w.root(DIRECTORY), name(""), DIRECTORY)],
  ["the name .", (w) => w.directory(w.root(DIRECTORY), name("."), DIRECTORY)],
  ["the name ..", (w) => w.whiteout(w.root(DIRECTORY), name(".."))],
  ["a name with a slash", (w) => w.directory(w.root(DIRECTORY), name("a/b"), DIRECTORY)],
  ["a name with NUL", (w) => w.directory(w.root(DIRECTORY), name("a\0"), DIRECTORY)],
  ["a name of 256 bytes", (w) => w.directory(w.root(DIRECTORY), name("a".repeat(256)), DIRECTORY)],
  [
    "a character device 0:0",
    (w) => w.other(w.root(DIRECTORY), name("c"), { ...DIRECTORY, type: "character", major: 0, minor: 0 }),
  ],
  [
    "a device number out of range",
    (w) => w.other(w.root(DIRECTORY), name("c"), { ...DIRECTORY, type: "block", major: 4096, minor: 0 }),
  ],
  ["a symlink to nothing", (w) => w.other(w.root(DIRECTORY), name("l"), { ...DIRECTORY, type: "symlink", target: name("") })],
  [
    "a symlink of 4,096 bytes",
    (w) => w.other(w.root(DIRECTORY), name("l"), { ...DIRECTORY, type: "symlink", target: name("x".repeat(4096)) }),
  ],
  [
    "an xattr of an unknown namespace",
    (w) => w.root({ ...DIRECTORY, xattrs: [{ name: name("system.nfs4_acl"), value: Buffer.alloc(1) }] }),
  ],
  ["an xattr without a name", (w) => w.root({ ...DIRECTORY, xattrs: [{ name: name("user."), value: Buffer.alloc(1) }] })],
  ["an xattr of 65,536 bytes", (w) => w.root({ ...DIRECTORY, xattrs: [{ name: name("user.a"), value: Buffer.alloc(65_536) }] })],
];

for (const [what, act] of REFUSED) {
  test(`a layer refuses ${what} with UNSUPPORTED`, (t) => {
    const { store } = layerFixture(t);
    t.throws(() => publish(store, [], act), { instanceOf: VarveError, code: "UNSUPPORTED" });
  });
}

test("publish() with a name twice in one directory throws RangeError and publishes nothing", (t) => {
  const { store, scratch } = layerFixture(t);
  const twice = (writer: Parameters<Parameters<typeof publish>[2]>[0]): void => {
    const root = writer.root(DIRECTORY);
    writer.directory(root, name("a"), DIRECTORY);
    writer.directory(root, name("a"), DIRECTORY);
  };
  t.throws(() => publish(store, [], twice), { instanceOf: RangeError });
  t.deepEqual([store.list(), readdirSync(scratch)], [[], []]);
});

testIf("mounts")("a full disk gives DISK_FULL, and leaves neither layer nor scratch", (t) => {
  const layout = storeLayout(mountTmpfs(t, "size=8m"));
  const { layers, scratch } = layout;
  mkdirSync(layers, { recursive: true });
  mkdirSync(scratch);
  const store = openLayerStore(layout);
  const fill = (writer: Parameters<Parameters<typeof publish>[2]>[0]): void => {
    writer.root(DIRECTORY);
    for (let n = 0; n < 30; n += 1) atOnce(writer.store(contentOf(Buffer.alloc(1 << 20, n))));
  };
  const error = t.throws(() => publish(store, [], fill), { instanceOf: VarveError, code: "DISK_FULL" });
  t.truthy(error.hint);
  t.deepEqual([readdirSync(layers), readdirSync(scratch)], [[], []]);
});

test("write() into an absent scratch directory throws IO", (t) => {
  const { store, scratch } = layerFixture(t);
  rmSync(scratch, { recursive: true });
  t.throws(() => store.write([]), { instanceOf: VarveError, code: "IO" });
});

testIf("root", "setpriv")("write() without permission throws PERMISSION", (t) => {
  const root = temporaryDirectory(t);
  mkdirSync(path.join(root, "scratch"), { mode: 0o755 });
  chmodSync(root, 0o755);
  const module = new URL("../../../store/layers/layer-store.js", import.meta.url).href;
  const program = `import { openLayerStore } from ${JSON.stringify(module)};
    try { openLayerStore({ layers: "/absent", scratch: ${JSON.stringify(path.join(root, "scratch"))} }).write([]); } catch (error) { process.stdout.write(error.code); }`;
  const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "--input-type=module", "-e", program];
  t.is(execFileSync("setpriv", asNobody, { encoding: "utf8" }), "PERMISSION");
});
