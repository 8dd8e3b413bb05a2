import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { BlobPlaces } from "../../../store/registry/blob-places.js";
import { storeLayout, type StoreLayout } from "../../../store/store-layout.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

function layoutOf(t: ExecutionContext): StoreLayout {
  const layout = storeLayout(temporaryDirectory(t));
  for (const folder of [layout.views, layout.scratch]) mkdirSync(folder);
  return layout;
}

test("BlobPlaces gives repositories of the same registry alone, the newest first, besides the one that asks", (t) => {
  const layout = layoutOf(t);
  const places = new BlobPlaces(layout);
  places.remember([digest("1"), digest("2")], "a.lan:5000", "team/one");
  places.remember([digest("1")], "a.lan:5000", "two");
  places.remember([digest("1")], "b.lan", "three");
  const again = new BlobPlaces(layout);
  t.deepEqual(again.repositoriesWith(digest("1"), "a.lan:5000", "own"), ["two", "team/one"]);
  t.deepEqual(again.repositoriesWith(digest("1"), "a.lan:5000", "two"), ["team/one"]);
  t.deepEqual(again.repositoriesWith(digest("2"), "b.lan", "own"), []);
  for (const name of ["four", "five"]) places.remember([digest("1")], "a.lan:5000", name);
  t.deepEqual(again.repositoriesWith(digest("1"), "a.lan:5000", "own"), ["five", "four", "two"]);
});

test("BlobPlaces believes nothing of a file that is none, and writes it anew", (t) => {
  const layout = layoutOf(t);
  writeFileSync(layout.blobPlaces, Buffer.from([0, 255, 10, 32, 10]));
  const places = new BlobPlaces(layout);
  t.deepEqual(places.repositoriesWith(digest("1"), "a.lan", "own"), []);
  places.remember([digest("1"), "rubbish"], "a.lan", "one");
  t.is(readFileSync(layout.blobPlaces, "utf8"), `${digest("1")} a.lan/one\n`);
});

test("BlobPlaces that can't be written is no failure", (t) => {
  const layout = storeLayout(temporaryDirectory(t));
  new BlobPlaces(layout).remember([digest("1")], "a.lan", "one");
  t.false(existsSync(layout.blobPlaces));
});

test("BlobPlaces forgets the oldest of more than 20,000", (t) => {
  const layout = layoutOf(t);
  const lines = Array.from({ length: 20_000 }, (_, index) => `sha256:${index.toString(16).padStart(64, "0")} a.lan/one\n`);
  writeFileSync(layout.blobPlaces, lines.join(""));
  new BlobPlaces(layout).remember([digest("f")], "a.lan", "one");
  const text = readFileSync(layout.blobPlaces, "utf8");
  t.is(text.split("\n").length, 20_001);
  t.false(text.includes(lines[0]!));
  t.true(text.endsWith(`${digest("f")} a.lan/one\n`));
});
