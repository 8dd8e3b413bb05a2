import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { blobDigest, type BlobDigest } from "../../../core/model/image.js";
import type { Blobs } from "../../../core/ports/blobs.js";
import { blobFile, openBlobs } from "../../../store/blobs/blob-store.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { inPieces } from "../tar/import-bytes.js";

function opened(t: ExecutionContext): { layout: StoreLayout; blobs: Blobs } {
  const layout = temporaryStore(t);
  return { layout, blobs: openBlobs(layout) };
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

const digestOf = (bytes: Buffer): BlobDigest => blobDigest(createHash("sha256").update(bytes).digest("hex"));
const SMALL = Buffer.from('{"a":1}');

test("put() keeps bytes under their digest; read() and open() give them back", async (t) => {
  const { layout, blobs } = opened(t);
  t.deepEqual(blobs.list(), []);
  t.false(blobs.has(digestOf(SMALL)));
  const digest = blobs.put(SMALL);
  t.is(digest, digestOf(SMALL));
  t.is(blobs.put(SMALL), digest);
  t.true(blobs.has(digest));
  t.is(blobs.size(digest), SMALL.length);
  t.deepEqual(blobs.read(digest), SMALL);
  t.deepEqual(await all(blobs.open(digest)), SMALL);
  t.deepEqual(
    blobs.list().map(({ kind, digest: id, path: file }) => [kind, id, file]),
    [["blob", digest, path.relative(layout.root, blobFile(layout, digest))]],
  );
  t.is(statSync(blobFile(layout, digest)).mode & 0o777, 0o644);
  t.deepEqual(readdirSync(layout.scratch), []);
});

test("copy() keeps what passes through it, once all did", async (t) => {
  const { layout, blobs } = opened(t);
  const bytes = Buffer.alloc(300_000, "layer");
  const copy = blobs.copy(inPieces(bytes, 1000));
  t.deepEqual(await all(copy.stream), bytes);
  t.deepEqual(blobs.list(), []);
  t.is(copy.keep(), digestOf(bytes));
  copy.discard();
  t.deepEqual(await all(blobs.open(digestOf(bytes))), bytes);

  const other = blobs.copy(inPieces(SMALL));
  await all(other.stream);
  other.discard();
  other.discard();
  t.false(blobs.has(digestOf(SMALL)));
  t.deepEqual(readdirSync(layout.scratch), []);
});

test("put() and copy() of what can't be put in place leave nothing", async (t) => {
  const { layout, blobs } = opened(t);
  writeFileSync(path.dirname(blobFile(layout, digestOf(SMALL))), "in the way");
  t.throws(() => blobs.put(SMALL), { instanceOf: VarveError });
  const copy = blobs.copy(inPieces(SMALL));
  await all(copy.stream);
  t.throws(() => copy.keep(), { instanceOf: VarveError });
  copy.discard();
  t.deepEqual(readdirSync(layout.scratch), []);
});

test("copy() passes on what its source throws, and leaves nothing", async (t) => {
  const { layout, blobs } = opened(t);
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield SMALL;
    throw await Promise.resolve(new RangeError("the source fails"));
  };
  const copy = blobs.copy(failing());
  await t.throwsAsync(all(copy.stream), { message: "the source fails" });
  copy.discard();
  t.deepEqual(readdirSync(layout.scratch), []);
  t.deepEqual(blobs.list(), []);
});

const damages: readonly (readonly [what: string, damage: (file: string) => void, isThere: boolean])[] = [
  ["is missing", (file) => rmSync(file), false],
  ["has other bytes", (file) => writeFileSync(file, '{"a":2}'), true],
  ["is cut", (file) => truncateSync(file, 3), true],
  ["is empty", (file) => truncateSync(file, 0), true],
  ["is longer", (file) => writeFileSync(file, " ", { flag: "a" }), true],
  [
    "is a symlink",
    (file) => {
      rmSync(file);
      writeFileSync(`${file}-elsewhere`, SMALL);
      symlinkSync(`${file}-elsewhere`, file);
    },
    false,
  ],
  [
    "is a FIFO",
    (file) => {
      rmSync(file);
      execFileSync("mkfifo", [file]);
    },
    false,
  ],
  [
    "is a directory",
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
    false,
  ],
];

for (const [what, damage, isThere] of damages) {
  test(`a blob that ${what} is damaged, and is put back`, async (t) => {
    const { layout, blobs } = opened(t);
    const digest = blobs.put(SMALL);
    const file = blobFile(layout, digest);
    damage(file);
    t.is(blobs.has(digest), isThere);
    const error = t.throws(() => blobs.read(digest), { instanceOf: VarveError, code: "STORE_DAMAGED" });
    t.is(error.path, file);
    t.truthy(error.hint);
    await t.throwsAsync(all(blobs.open(digest)), { instanceOf: VarveError, code: "STORE_DAMAGED" });
    if (existsSync(file) && statSync(file).isDirectory()) return;
    t.is(blobs.put(SMALL), digest);
    t.deepEqual(blobs.read(digest), SMALL);
  });
}

test("read() takes no blob that is larger than a document", (t) => {
  const { layout, blobs } = opened(t);
  const digest = blobs.put(SMALL);
  truncateSync(blobFile(layout, digest), 8 * 1024 * 1024 + 1);
  t.throws(() => blobs.read(digest), { instanceOf: VarveError, code: "STORE_DAMAGED", message: /8388609 bytes/ });
});

test("list() tells of names that blobs have alone", (t) => {
  const { layout, blobs } = opened(t);
  const digest = blobs.put(SMALL);
  const folder = path.dirname(blobFile(layout, digest));
  writeFileSync(path.join(folder, "README"), "x");
  writeFileSync(path.join(folder, "A".repeat(64)), "x");
  t.deepEqual(
    blobs.list().map((each) => each.digest),
    [digest],
  );
  t.is(readFileSync(path.join(folder, "README"), "utf8"), "x");
});
