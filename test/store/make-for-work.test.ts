import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { initStore } from "../../store/init-store.js";
import { makeForWork } from "../../store/make-for-work.js";
import { exclusively } from "../../store/store-lock.js";
import { storeLayout } from "../../store/store-layout.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

test("makeForWork() where another command made a store is undefined, and that store stays", (t) => {
  const { root, format } = initStore(path.join(temporaryDirectory(t), "store"));
  t.is(makeForWork(root), undefined);
  t.true(existsSync(format));
});

test("takeBack() leaves a store whose lock another command holds", async (t) => {
  const layout = storeLayout(path.join(temporaryDirectory(t), "store"));
  const made = makeForWork(layout.root)!;
  await exclusively(layout, async () => t.false(await made.takeBack()));
  t.true(existsSync(layout.format));
  t.true(await made.takeBack());
  t.false(existsSync(layout.root));
});

test("takeBack() leaves files that are not the store's", async (t) => {
  const home = temporaryDirectory(t);
  const store = path.join(home, "above/store");
  const made = makeForWork(store)!;
  writeFileSync(path.join(store, "mine"), "");
  t.false(await made.takeBack());
  t.deepEqual(readdirSync(store), ["mine"]);
});

for (const folder of ["layers/sha256", "blobs/sha256"])
  test(`takeBack() leaves a store with something in ${folder}, from which the next try goes on`, async (t) => {
    const layout = storeLayout(path.join(temporaryDirectory(t), "store"));
    const made = makeForWork(layout.root)!;
    const file = path.join(layout.root, folder, "0".repeat(64));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, "");
    t.false(await made.takeBack());
    t.true(existsSync(file));
  });

test("takeBack() leaves what an init that was stopped had begun", async (t) => {
  const layout = storeLayout(path.join(temporaryDirectory(t), "store"));
  initStore(layout.root);
  rmSync(layout.format);
  const made = makeForWork(layout.root)!;
  t.false(await made.takeBack());
  t.true(existsSync(layout.format));
});

test("exclusively() of a store that its maker took away meanwhile throws STORE_MISSING", async (t) => {
  const layout = storeLayout(path.join(temporaryDirectory(t), "store"));
  const made = makeForWork(layout.root)!;
  let waiting: Promise<unknown> | undefined;
  await exclusively(layout, async () => {
    // It has the lock file open, and waits.
    waiting = t.throwsAsync(
      exclusively(layout, async () => undefined),
      { code: "STORE_MISSING" },
    );
    rmSync(layout.root, { recursive: true });
  });
  await waiting;
  t.false(await made.takeBack());
});
