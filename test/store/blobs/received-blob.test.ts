import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { createHash } from "node:crypto";
import { blobDigest } from "../../../core/model/image.js";
import type { Blobs } from "../../../core/ports/blobs.js";
import { openBlobs } from "../../../store/blobs/blob-store.js";
import { storeLayout, type StoreLayout } from "../../../store/store-layout.js";
import { bytesOf } from "../../helpers/pushed-image.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

function blobsIn(t: ExecutionContext): { readonly blobs: Blobs; readonly layout: StoreLayout; readonly scratch: () => number } {
  const layout = storeLayout(temporaryDirectory(t));
  for (const folder of [layout.blobs, layout.scratch]) mkdirSync(folder, { recursive: true });
  const scratch = (): number =>
    [1, 2, 3, 4].filter((n) => existsSync(path.join(layout.scratch, `blob-${process.pid}-${n}`))).length;
  return { blobs: openBlobs(layout), layout, scratch };
}

const PIECES = Array.from({ length: 20 }, (_, index) => Buffer.alloc(10_000, index));
const BYTES = Buffer.concat(PIECES);

async function* slowly(): AsyncGenerator<Uint8Array> {
  for (const piece of PIECES) {
    await sleep(1);
    yield piece;
  }
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield PIECES[0]!;
  await sleep(5);
  throw new RangeError("cut");
}

test("a reception is read while it comes, by several, and kept once", async (t) => {
  const { blobs, layout, scratch } = blobsIn(t);
  const reception = blobs.receive();
  const first = bytesOf(reception.open());
  t.false(reception.isWhole);
  const [one, two] = await Promise.all([first, bytesOf(reception.open()), reception.fill(slowly())]);
  t.true(one.equals(BYTES) && two.equals(BYTES));
  t.true(reception.isWhole);
  const digest = blobDigest(createHash("sha256").update(BYTES).digest("hex"));
  for (let times = 0; times < 2; times += 1) reception.keep(digest);
  // Who reads it then still reads it.
  t.true((await bytesOf(reception.open())).equals(BYTES));
  reception.discard();
  t.true(readFileSync(path.join(layout.blobs, "sha256", digest.slice(7))).equals(BYTES));
  t.is(scratch(), 0);
});

test("a reception that fails has each reader fail, and leaves nothing when it is discarded", async (t) => {
  const { blobs, scratch } = blobsIn(t);
  const reception = blobs.receive();
  const read = bytesOf(reception.open());
  await Promise.all([t.throwsAsync(reception.fill(failing()), { message: "cut" }), t.throwsAsync(read, { message: "cut" })]);
  await t.throwsAsync(bytesOf(reception.open()), { message: "cut" });
  reception.discard();
  t.is(scratch(), 0);
});

test("a reception that another's failure ends has its readers fail, whatever has come", async (t) => {
  const { blobs } = blobsIn(t);
  const reception = blobs.receive();
  await reception.fill(slowly());
  reception.fail(new RangeError("of another"));
  await t.throwsAsync(bytesOf(reception.open()), { message: "of another" });
  reception.discard();
});
