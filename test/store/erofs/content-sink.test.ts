import { createHash } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { LayerId } from "../../../core/model/ids.js";
import type { FileNode } from "../../../core/model/tree.js";
import type { ContentSink, LayerStore } from "../../../core/ports/layer-store.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import { layerFixture, publish } from "./layer-fixture.js";

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: [] };
const NAME = "f" as ByteString;

/** Pieces of a file: bytes of a value, or a hole. */
type Piece = { readonly length: number; readonly value: number | undefined };

function push(sink: ContentSink, pieces: readonly Piece[]): void {
  for (const { length, value } of pieces) {
    if (value === undefined) sink.hole(length);
    else sink.write(Buffer.alloc(length, value));
  }
}

function sizeOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function layerOf(store: LayerStore, files: readonly (readonly Piece[])[]): LayerId {
  return publish(store, [], (writer) => {
    const root = writer.root({ type: "directory", ...METADATA });
    files.forEach((pieces, index) => {
      const sink = writer.sink();
      push(sink, pieces);
      const size = sizeOf(pieces);
      writer.file(root, `${NAME}${index}` as ByteString, { type: "file", ...METADATA, size }, sink.close());
    });
  });
}

test("sink() keeps any pieces and holes as one file, and its digest is that of the bytes", (t) => {
  const length = fc.oneof(fc.nat(20), fc.nat(5000), fc.constantFrom(0, 1, 4095, 4096, 4097, 8192), fc.nat(300_000));
  const value = fc.option(fc.integer({ min: 1, max: 255 }), { nil: undefined });
  const piece = fc.record({ length, value });
  const files = fc.array(fc.array(piece, { maxLength: 8 }), { minLength: 1, maxLength: 6 });
  const { store, layers } = layerFixture(t);
  fc.assert(
    fc.property(files, (all) => {
      const id = layerOf(store, all);
      const tree = store.openTree([id]);
      all.forEach((pieces, index) => {
        const bytes = Buffer.concat(pieces.map((part) => Buffer.alloc(part.length, part.value ?? 0)));
        const node = tree.root.child(`${NAME}${index}` as ByteString) as FileNode;
        t.is(String(node.content.digest()), createHash("sha256").update(bytes).digest("hex"));
        let position = 0;
        for (const { offset, length: covered, kind } of node.content.extents()) {
          if (offset !== position) t.fail("extents leave a gap");
          position += covered;
          if (kind === "hole" && bytes.subarray(offset, offset + covered).some((byte) => byte !== 0)) t.fail("a hole has data");
        }
        t.is(position, bytes.length);
      });
      tree.close();
      t.deepEqual(verifyLayer(`${layers}/${id}`, id), []);
    }),
    { numRuns: 60 },
  );
});

test("sink() writes a file whose index would be too long in larger chunks, and reads it back", (t) => {
  const { store, layers } = layerFixture(t);
  const far = Array.from({ length: 30 }, (_, n): Piece[] => [
    { length: 5_000_003 * (n + 1), value: undefined },
    { length: 700 * n + 1, value: n + 1 },
  ]).flat();
  const id = layerOf(store, [far, [{ length: 9000, value: 9 }]]);
  t.deepEqual(verifyLayer(`${layers}/${id}`, id), []);
  t.true(store.storedBytes(id) < 6 << 20);
  const tree = store.openTree([id]);
  const { content } = tree.root.child(`${NAME}0` as ByteString) as FileNode;
  const reader = content.open();
  const byte = Buffer.alloc(1);
  let position = 0;
  for (const { length, value } of far) {
    reader.read(byte, position);
    t.is(byte[0], value ?? 0);
    position += length;
  }
  const holes = [...content.extents()].filter(({ kind }) => kind === "hole").reduce((sum, { length }) => sum + length, 0);
  t.true(holes > content.size * 0.98);
  tree.close();
});

test("sink() of a content that the layer has already adds no data", (t) => {
  const { store } = layerFixture(t);
  const once = store.storedBytes(layerOf(store, [[{ length: 7 << 20, value: 1 }]]));
  const id = layerOf(
    store,
    Array.from({ length: 4 }, () => [{ length: 7 << 20, value: 1 }]),
  );
  t.is(store.storedBytes(id), once);
});

test("a layer with an open sink can't be published", (t) => {
  const { store } = layerFixture(t);
  const writer = store.write([]);
  writer.root({ type: "directory", ...METADATA });
  writer.sink().write(Buffer.alloc(10_000));
  t.throws(() => writer.publish(), { instanceOf: TypeError });
  writer.abort();
});
