import { createHash } from "node:crypto";
import test from "ava";
import type { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { LayerId } from "../../../core/model/ids.js";
import type { FileContent, FileNode, Tree } from "../../../core/model/tree.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { DigestCheck } from "../../../store/erofs/digest-check.js";
import { patch } from "../../helpers/filled-store.js";
import { addDescribed, layerFixture, type LayerFixture } from "./layer-fixture.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };
const PLAIN: DescribedEntry = { path: "f", type: "file", content: "plain content ".repeat(20_000) };
const SPARSE: DescribedEntry = { path: "f", type: "file", content: { size: 400_000, data: [[100_000, "x".repeat(9000)]] } };

function contentOf(tree: Tree): FileContent {
  return (tree.root.child("f" as ByteString) as FileNode).content;
}

/** As an export reads it, every byte. */
function readAll(content: FileContent, pieceBytes: number): void {
  const reader = content.open();
  const piece = Buffer.alloc(pieceBytes);
  for (let at = 0, count = -1; count !== 0; at += count) count = reader.read(piece, at);
  reader.verify();
}

/** As a checkout reads it, data alone. */
function readData(content: FileContent, pieceBytes: number): void {
  const reader = content.open();
  for (const { offset, length, kind } of content.extents()) {
    for (let at = offset; kind === "data" && at < offset + length;) {
      at += reader.read(Buffer.alloc(Math.min(pieceBytes, offset + length - at)), at);
    }
  }
  reader.verify();
}

/** A file that the newest layer of a chain holds, or borrows. */
interface Case {
  readonly what: string;
  readonly steps: readonly (readonly DescribedEntry[])[];
  /** Of the chain, newest first: the layer that has the blocks. */
  readonly holder: number;
  /** Whether the newest layer points at its blocks, rather than leave the file to the layers below. */
  readonly isPointedAt?: boolean;
}

const CASES: readonly Case[] = [
  { what: "a plain file", steps: [[ROOT, PLAIN]], holder: 0 },
  { what: "a file with holes", steps: [[ROOT, SPARSE]], holder: 0 },
  {
    what: "a borrowed file",
    steps: [
      [ROOT, PLAIN],
      [ROOT, { ...PLAIN, mode: 0o600 }],
    ],
    holder: 1,
    isPointedAt: true,
  },
  {
    what: "a borrowed file with holes",
    steps: [
      [ROOT, SPARSE],
      [ROOT, { ...SPARSE, mode: 0o600 }],
    ],
    holder: 1,
  },
];

async function chainOf({ store }: LayerFixture, { steps }: Case): Promise<LayerId[]> {
  let chain: LayerId[] = [];
  for (const entries of steps) chain = await addDescribed(store, chain, entries);
  return chain;
}

for (const each of CASES) {
  for (const [how, read] of [
    ["read wholly", readAll],
    ["read without its holes", readData],
  ] as const) {
    for (const pieceBytes of [4096, 5000, 1 << 20]) {
      test(`${each.what} of which a byte was changed is refused, ${how} in pieces of ${pieceBytes} bytes; else it is not`, async (t) => {
        const fixture = layerFixture(t);
        const chain = await chainOf(fixture, each);
        const tree = fixture.store.openTree(chain);
        t.notThrows(() => read(contentOf(tree), pieceBytes));
        const file = `${fixture.layers}/${chain[each.holder]}`;
        patch(file, 4096 + 4096 + 7);
        const error = t.throws(() => read(contentOf(tree), pieceBytes), { code: "LAYER_CORRUPT" }) as VarveError;
        t.regex(error.message, /: "\/f" has another content than its digest says$/);
        t.is(error.path, file);
        t.is(error.layers[0], chain[each.holder]);
        t.is(error.layers.includes(chain[0]!), each.holder === 0 || each.isPointedAt === true);
        tree.close();
      });
    }
  }
}

test("a part of a changed file, or one read in another order, is given as it is: its digest can't be told", async (t) => {
  const fixture = layerFixture(t);
  const chain = await chainOf(fixture, CASES[0]!);
  patch(`${fixture.layers}/${chain[0]}`, 4096 + 7);
  const tree = fixture.store.openTree(chain);
  const reader = contentOf(tree).open();
  reader.read(Buffer.alloc(100), 0);
  t.notThrows(() => reader.verify());
  reader.read(Buffer.alloc(100), 5000);
  reader.read(Buffer.alloc(1 << 20), 0);
  t.notThrows(() => reader.verify());
  const unchecked = contentOf(tree).open({ check: false });
  unchecked.read(Buffer.alloc(1 << 20), 0);
  t.notThrows(() => unchecked.verify());
  tree.close();
});

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

test("DigestCheck takes what lies between two reads for zeros when it is a hole, and gives no verdict when it is not", (t) => {
  const bytes = Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(3 << 20), Buffer.alloc(10, 2), Buffer.alloc(5)]);
  const check = (isHole: boolean, digest: string): boolean => {
    const each = new DigestCheck(bytes.length, () => isHole);
    each.add(bytes.subarray(0, 10), 0);
    each.add(Buffer.alloc(0), 10);
    each.add(bytes.subarray(bytes.length - 15, bytes.length - 5), bytes.length - 15);
    return each.isGood(digest);
  };
  t.true(check(true, sha256(bytes)));
  t.false(check(true, sha256(Buffer.alloc(3))));
  t.true(check(false, sha256(Buffer.alloc(3))));
});
