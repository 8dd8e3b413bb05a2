import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { LayerId } from "../../../core/model/ids.js";
import { ChainTree } from "../../../store/erofs/chain-tree.js";
import { crc32c } from "../../../store/crc.js";
import { LayerImages } from "../../../store/erofs/layer-images.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import { addDescribed, layerFixture } from "./layer-fixture.js";

const ENTRIES: readonly DescribedEntry[] = [
  { path: "", type: "directory", xattrs: { "user.root": "1" } },
  { path: "a", type: "file", content: "a".repeat(100) },
  { path: "b", type: "file", linkTo: "a" },
  { path: "d", type: "directory" },
  { path: "d/d", type: "directory" },
  { path: "d/d/f", type: "file", content: "f".repeat(9000) },
  { path: "l", type: "symlink", target: "a" },
  { path: "s", type: "file", content: { size: 100_000, data: [[50_000, "x"]] } },
  { path: "z", type: "fifo" },
];

/** The image's fields that a damage aims at; all offsets in bytes. */
interface Anatomy {
  readonly bytes: Buffer;
  readonly metadata: number;
  readonly inode: (nid: number) => number;
  /** nid of the root's child, found in its directory block, and where its entry stands. */
  readonly entry: (name: string) => { readonly nid: number; readonly at: number };
}

type Damage = (image: Anatomy) => void;

const DAMAGES: readonly (readonly [what: string, damage: Damage])[] = [
  ["another magic number", ({ bytes }) => bytes.writeUInt8(0, 1024)],
  ["a wrong checksum", ({ bytes }) => bytes.writeUInt8(bytes.readUInt8(1028) ^ 1, 1028)],
  ["another layer's uuid", (image) => resealed(image, 48, (at) => image.bytes.writeUInt8(image.bytes.readUInt8(at) ^ 1, at))],
  ["another block size", (image) => resealed(image, 12, (at) => image.bytes.writeUInt8(9, at))],
  ["unknown features", (image) => resealed(image, 80, (at) => image.bytes.writeUInt32LE(0x20, at))],
  ["a root outside of the image", (image) => resealed(image, 14, (at) => image.bytes.writeUInt16LE(0xffff, at))],
  ["metadata outside of the image", (image) => resealed(image, 40, (at) => image.bytes.writeUInt32LE(0xffffff, at))],
  ["metadata at block 0", (image) => resealed(image, 40, (at) => image.bytes.writeUInt32LE(0, at))],
  ["more blocks than the file has", (image) => resealed(image, 36, (at) => image.bytes.writeUInt32LE(1e6, at))],
  ["directory blocks of another size", (image) => resealed(image, 90, (at) => image.bytes.writeUInt8(1, at))],
  ["a volume name", (image) => resealed(image, 64, (at) => image.bytes.writeUInt8(65, at))],
  ["a place for xattr prefixes", (image) => resealed(image, 92, (at) => image.bytes.writeUInt32LE(1, at))],
  ["a device table of no slots", (image) => resealed(image, 88, (at) => image.bytes.writeUInt16LE(9, at))],
  ["65,535 devices", (image) => resealed(image, 86, (at) => image.bytes.writeUInt16LE(0xffff, at))],
  ["a device table of no ids", (image) => resealed(image, 86, (at) => image.bytes.writeUInt16LE(1, at))],
  ["no metadata header", ({ bytes, metadata }) => bytes.fill(0, metadata, metadata + 12)],
  ["a header of another version", ({ bytes, metadata }) => bytes.writeUInt32LE(2, metadata + 12)],
  ["a digest table outside of the image", ({ bytes, metadata }) => bytes.writeBigUInt64LE(1n << 40n, metadata + 16)],
  ["2^63 digests", ({ bytes, metadata }) => bytes.writeBigUInt64LE(1n << 63n, metadata + 24)],
  ["more link groups than fit", ({ bytes, metadata }) => bytes.writeBigUInt64LE(1n << 30n, metadata + 40)],
  ["a root that is a file", (image) => image.bytes.writeUInt16LE(0o100644, image.inode(4) + 4)],
  ["an inode with high bits of an address", (image) => image.bytes.writeUInt16LE(4, image.inode(image.entry("a").nid) + 6)],
  ["an inode of nobody", (image) => image.bytes.writeUInt32LE(0xffffffff, image.inode(image.entry("a").nid) + 24)],
  ["an inode of no group", (image) => image.bytes.writeUInt32LE(0xffffffff, image.inode(4) + 28)],
  ["an xattr without a name", (image) => image.bytes.writeUInt8(0, image.inode(4) + 64 + 12)],
  ["an xattr with a NUL in its name", (image) => image.bytes.writeUInt8(0, image.inode(4) + 64 + 12 + 4)],
  ["a symlink with a NUL in its target", (image) => image.bytes.writeUInt8(0, image.inode(image.entry("l").nid) + 64)],
  ["a compact root inode", (image) => image.bytes.writeUInt16LE(4, image.inode(4))],
  ["a root of 2^62 bytes", (image) => image.bytes.writeBigUInt64LE(1n << 62n, image.inode(4) + 8)],
  ["a root of 2^40 bytes", (image) => image.bytes.writeBigUInt64LE(1n << 40n, image.inode(4) + 8)],
  ["a root of no bytes", (image) => image.bytes.writeBigUInt64LE(0n, image.inode(4) + 8)],
  ["a root with a compressed layout", (image) => image.bytes.writeUInt16LE(1 | (1 << 1), image.inode(4))],
  ["an xattr area that goes past the image", (image) => image.bytes.writeUInt16LE(0xffff, image.inode(4) + 2)],
  ["xattrs that go past their area", (image) => image.bytes.writeUInt16LE(0xffff, image.inode(4) + 64 + 12 + 2)],
  ["an xattr of an unknown namespace", (image) => image.bytes.writeUInt8(99, image.inode(4) + 64 + 12 + 1)],
  ["a shared xattr that is nowhere", (image) => image.bytes.writeUInt8(1, image.inode(4) + 64 + 4)],
  ["a name that starts before the names", (image) => image.bytes.writeUInt16LE(3, image.entry(".").at + 8)],
  [
    "a name of no bytes",
    (image) => image.bytes.writeUInt16LE(image.bytes.readUInt16LE(image.entry("a").at + 8), image.entry("b").at + 8),
  ],
  ["names out of order", (image) => image.bytes.write("z", nameOf(image, "a"), "latin1")],
  ["a name with a slash", (image) => image.bytes.write("/", nameOf(image, "a"), "latin1")],
  ["a child outside of the image", (image) => image.bytes.writeUInt32LE(0xffffff, image.entry("a").at)],
  ["a child in the metadata header", (image) => image.bytes.writeUInt32LE(1, image.entry("a").at)],
  ["a file that is said to be a symlink", (image) => image.bytes.writeUInt8(7, image.entry("a").at + 10)],
  ["a directory that is said to be a file", (image) => image.bytes.writeUInt8(1, image.entry("d").at + 10)],
  ["a directory in itself", (image) => image.bytes.writeUInt32LE(4, image.entry("d").at)],
  ["a directory with two names", (image) => asDirectory(image, "a", image.entry("d").nid)],
  ["a file whose nanoseconds are a second", (image) => image.bytes.writeUInt32LE(1e9, image.inode(image.entry("a").nid) + 40)],
  [
    "a file with a row that the digest table lacks",
    (image) => image.bytes.writeUInt32LE(99, image.inode(image.entry("a").nid) + 20),
  ],
  ["an inline file that crosses a block", (image) => image.bytes.writeUInt32LE(4095, image.inode(image.entry("a").nid) + 8)],
  ["a chunk size that no kernel knows", (image) => image.bytes.writeUInt32LE(0x1ff, image.inode(image.entry("s").nid) + 16)],
  ["an endless chunk index", (image) => image.bytes.writeBigUInt64LE(1n << 52n, image.inode(image.entry("s").nid) + 8)],
  ["a chunk in a device that is none", (image) => chunks(image, (at) => image.bytes.writeUInt16LE(7, at + 2))],
  ["a chunk outside of the image", (image) => chunks(image, (at) => image.bytes.writeUInt32LE(0xfffffff, at + 4))],
  ["a symlink of no bytes", (image) => image.bytes.writeUInt32LE(0, image.inode(image.entry("l").nid) + 8)],
  ["a symlink of 5,000 bytes", (image) => image.bytes.writeUInt32LE(5000, image.inode(image.entry("l").nid) + 8)],
  ["an inode of no type", (image) => image.bytes.writeUInt16LE(0, image.inode(image.entry("z").nid) + 4)],
  ["links that the link table lacks", (image) => image.bytes.writeUInt32LE(2, image.inode(image.entry("z").nid) + 44)],
];

for (const [what, damage] of DAMAGES) {
  test(`an image with ${what} throws LAYER_CORRUPT with path and hint when it is read, whatever its digest`, async (t) => {
    const { store, layers } = layerFixture(t);
    const [id] = (await addDescribed(store, [], ENTRIES)) as [LayerId];
    const { path } = store.image(id);
    const bytes = readFileSync(path);
    damage(anatomy(bytes));
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
    const error = t.throws(() => readAll(layers, id), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
    t.is(error.path, path);
    t.truthy(error.hint);
    t.not(verifyLayer(path, id).length, 0);
    t.throws(() => store.openTree([id]), { code: "LAYER_CORRUPT" });
  });
}

test("an image cut at any block, or inside of one, throws LAYER_CORRUPT", async (t) => {
  const { store, layers } = layerFixture(t);
  const [id] = (await addDescribed(store, [], ENTRIES)) as [LayerId];
  const { path } = store.image(id);
  const whole = readFileSync(path);
  const { size } = statSync(path);
  chmodSync(path, 0o600);
  for (const length of [0, 1, 1023, 1024, 1100, 4095, 4096, 5000, size - 4096, size - 1, size + 1]) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    t.throws(() => readAll(layers, id), { instanceOf: VarveError, code: "LAYER_CORRUPT" }, String(length));
    t.throws(() => store.openTree([id]), { code: "LAYER_CORRUPT" }, String(length));
  }
});

test("any byte of an image changed is found by verifyLayer() and openTree(), and reading ends with an answer or LAYER_CORRUPT", async (t) => {
  const { store, layers } = layerFixture(t);
  const [id] = (await addDescribed(store, [], ENTRIES)) as [LayerId];
  const { path } = store.image(id);
  t.deepEqual(verifyLayer(path, id), []);
  const whole = readFileSync(path);
  chmodSync(path, 0o600);
  const { metadata } = anatomy(whole);
  let seed = 1;
  for (let round = 0; round < 400; round += 1) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const at = round < 200 ? metadata + (seed % (whole.length - metadata)) : 1024 + (seed % (whole.length - 1024));
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (round % 8)), at);
    writeFileSync(path, bytes);
    try {
      readAll(layers, id);
    } catch (error) {
      t.is((error as VarveError).code, "LAYER_CORRUPT", `byte ${at}: ${String(error)}`);
    }
    // Block 0 before the superblock, and what fills a file's last block, belong to nothing.
    if (at >= metadata) t.not(verifyLayer(path, id).length, 0, `byte ${at}`);
    if (at >= metadata || at < 4096) t.throws(() => store.openTree([id]), { code: "LAYER_CORRUPT" }, `byte ${at}`);
  }
});

for (const [what, command] of [
  ["a FIFO", "mkfifo"],
  ["a directory", "mkdir"],
  ["an empty file", "touch"],
] as const) {
  test(`${what} in an image's place throws LAYER_CORRUPT`, (t) => {
    const { store, layers } = layerFixture(t);
    const id = "1".repeat(64) as LayerId;
    execFileSync(command, [`${layers}/${id}`]);
    t.throws(() => store.openTree([id]), { code: "LAYER_CORRUPT" });
    t.throws(() => readAll(layers, id), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
  });
}

/** Past the digest of the metadata, which would tell of all damage before the reader meets it. */
function readAll(layers: string, id: LayerId): void {
  const tree = new ChainTree(new LayerImages(layers), [id]);
  try {
    describeTree(tree);
    const visit = (directory: typeof tree.root): void => {
      for (const [, node] of directory.children()) {
        if ("content" in node) node.content.digest();
        if ("children" in node) visit(node);
      }
    };
    visit(tree.root);
  } finally {
    tree.close();
  }
}

function anatomy(bytes: Buffer): Anatomy {
  const metadata = bytes.readUInt32LE(1024 + 40) * 4096;
  const inode = (nid: number): number => metadata + nid * 32;
  const root = inode(4);
  const names = root + 64 + 12 + (bytes.readUInt16LE(root + 2) - 1) * 4;
  const entry = (name: string): { nid: number; at: number } => {
    for (let at = names; ; at += 12) {
      const start = names + bytes.readUInt16LE(at + 8);
      if (bytes.toString("latin1", start, start + name.length) === name) return { nid: bytes.readUInt32LE(at), at };
    }
  };
  return { bytes, metadata, inode, entry };
}

/** Changes a field of the superblock and puts its checksum right. */
function resealed({ bytes }: Anatomy, offset: number, change: (at: number) => void): void {
  change(1024 + offset);
  bytes.writeUInt32LE(0, 1028);
  bytes.writeUInt32LE(crc32c(bytes.subarray(1024, 4096)), 1028);
}

function nameOf({ bytes, entry }: Anatomy, name: string): number {
  return entry(".").at + bytes.readUInt16LE(entry(name).at + 8);
}

function asDirectory({ bytes, entry }: Anatomy, name: string, nid: number): void {
  bytes.writeUInt32LE(nid, entry(name).at);
  bytes.writeUInt8(2, entry(name).at + 10);
}

/** Every chunk of the sparse file. */
function chunks({ bytes, inode, entry }: Anatomy, change: (at: number) => void): void {
  const at = inode(entry("s").nid);
  const count = Math.ceil(25 / 2 ** (bytes.readUInt32LE(at + 16) & 0x1f));
  for (let chunk = 0; chunk < count; chunk += 1)
    if (bytes.readUInt32LE(at + 64 + chunk * 8 + 4) !== 0xffffffff) change(at + 64 + chunk * 8);
}
