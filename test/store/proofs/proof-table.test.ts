import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync, type BigIntStats } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { parseLayerId, type LayerId } from "../../../core/model/ids.js";
import { ProofTable } from "../../../store/proofs/proof-table.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const ROW_BYTES = 72;

function layerId(number: number): LayerId {
  return parseLayerId((number * 2_654_435_761).toString(16).padStart(64, "0"));
}

function stat(inode: number, size = 4096n): BigIntStats {
  return { ino: BigInt(inode), size, mtimeNs: 5n, ctimeNs: BigInt(inode) * 7n } as BigIntStats;
}

/** Adds rows in turns, opening the table anew for each, as commands do. */
function fill(layout: StoreLayout, rows: number, atOnce: number): void {
  for (let from = 0; from < rows; from += atOnce) {
    const table = new ProofTable(layout);
    for (let number = from; number < Math.min(rows, from + atOnce); number += 1) table.add(layerId(number), stat(number), 1);
    table.keep();
  }
}

function assertHolds(t: ExecutionContext, layout: StoreLayout, rows: number): void {
  const table = new ProofTable(layout);
  const missing = Array.from({ length: rows }, (_, number) => number).filter(
    (number) => table.level(layerId(number), stat(number)) !== 1,
  );
  t.deepEqual(missing, []);
  t.is(table.level(layerId(1), stat(1, 8192n)), 0);
  t.is(table.level(layerId(rows), stat(rows)), 0);
}

test("rows are found however many there are, and in whatever order they came", (t) => {
  const layout = temporaryStore(t);
  fill(layout, 1500, 50);
  assertHolds(t, layout, 1500);
  const bytes = readFileSync(layout.proofs);
  t.is(bytes.toString("latin1", 0, 20), "varve proofs, sorted");
});

test("a later row of an image counts, before and after the table was put in order", (t) => {
  const layout = temporaryStore(t);
  fill(layout, 600, 600);
  const table = new ProofTable(layout);
  table.add(layerId(7), stat(7), 2);
  table.keep();
  t.is(new ProofTable(layout).level(layerId(7), stat(7)), 2);
  fill(layout, 600, 10);
  t.is(new ProofTable(layout).level(layerId(8), stat(8)), 1);
  t.true(statSync(layout.proofs).size <= (600 + 300) * ROW_BYTES);
});

test("forgotten layers are gone, others stay", (t) => {
  const layout = temporaryStore(t);
  fill(layout, 700, 70);
  new ProofTable(layout).forget(new Set([layerId(3), layerId(650)]));
  const table = new ProofTable(layout);
  t.deepEqual(
    [3, 650, 4, 649].map((number) => table.level(layerId(number), stat(number))),
    [0, 0, 1, 1],
  );
});

test("a table without order, torn, or with a header that lies only makes images be proven again", (t) => {
  const layout = temporaryStore(t);
  mkdirSync(path.dirname(layout.proofs), { recursive: true });
  fill(layout, 400, 400);
  fill(layout, 401, 401);
  appendFileSync(layout.proofs, "torn");
  assertHolds(t, layout, 401);
  fill(layout, 402, 402);
  assertHolds(t, layout, 402);
  const sound = readFileSync(layout.proofs);
  const rows = Array.from({ length: sound.length / ROW_BYTES }, (_, at) => sound.subarray(at * ROW_BYTES, (at + 1) * ROW_BYTES));
  const lies = [
    sound.subarray(0, ROW_BYTES),
    Buffer.concat([rows[0] as Buffer, ...rows.slice(1).reverse()]),
    Buffer.concat(rows.map((row) => Buffer.from(row.map((byte, at) => (at === 64 ? byte ^ 0xff : byte))))),
  ];
  for (const bytes of lies) {
    writeFileSync(layout.proofs, bytes);
    const table = new ProofTable(layout);
    t.notThrows(() => table.level(layerId(5), stat(5)));
    table.add(layerId(5), stat(5), 2);
    table.keep();
    t.is(new ProofTable(layout).level(layerId(5), stat(5)), 2);
  }
});
