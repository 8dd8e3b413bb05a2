import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { verifyContents } from "../../../core/maintenance/verify-contents.js";
import { layerChain } from "../../../core/layers/layer-chain.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { CommitId } from "../../../core/model/ids.js";
import { openCommitTree } from "../../../core/operations/targets.js";
import { openChecks } from "../../../store/maintenance/check-parts.js";
import { filledStore, patch, truncate } from "../../helpers/filled-store.js";
import { maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";

const BLOCK_BYTES = 4096;

async function verify({ reopened, layout }: MaintainedStore, commit: CommitId): Promise<number> {
  const repository = reopened();
  let read = 0;
  await verifyContents(
    repository,
    openChecks(layout),
    await layerChain(repository.history, commit),
    ({ bytes }) => (read = bytes),
  );
  return read;
}

test("verifyContents() of sound layers reads all that they hold", async (t) => {
  const store = await filledStore(t);
  t.true((await verify(store, store.first)) >= 20_000);
  await t.notThrowsAsync(verify(store, store.third));
});

test("verifyContents() tells the first damaged path, and the layers that it touches", async (t) => {
  const store = await filledStore(t);
  patch(store.layout.layer(store.lender), BLOCK_BYTES + 7);
  for (const commit of [store.first, store.second]) {
    const error = await t.throwsAsync(verify(store, commit), { code: "LAYER_CORRUPT" });
    t.like(error, { path: "/big" });
    t.regex(error.message, new RegExp(`^Cannot verify layer "${store.lender}": a file of it has another content`));
    t.true((error as Error & { layers: string[] }).layers.includes(store.lender));
  }
});

test("verifyContents() of a lender that is cut off, or missing, is LAYER_CORRUPT", async (t) => {
  const store = await filledStore(t);
  const lender = store.layout.layer(store.lender);
  truncate(lender, 9000);
  await t.throwsAsync(verify(store, store.second), { code: "LAYER_CORRUPT" });
  rmSync(lender);
  await t.throwsAsync(verify(store, store.second), { code: "LAYER_CORRUPT" });
});

test("verifyContents() removes a view whose contents are damaged while the layers' are not, so that it is made anew", async (t) => {
  const store = await maintainedStore(t);
  const { directory, layout } = store;
  let newest: CommitId | undefined;
  for (let number = 0; number < 70; number += 1) {
    writeFileSync(path.join(directory, `file-${number}`), `${number} `.repeat(3000));
    newest = await store.commit(`${number}`);
  }
  const chain = await layerChain(store.repository.history, newest!);
  await store.repository.layers.images(chain);
  const packs = readdirSync(layout.packs).map((name) => path.join(layout.packs, name));
  t.is(packs.length, 1);
  patch(packs[0]!, BLOCK_BYTES, Buffer.alloc(40_000, "damage"));
  await t.notThrowsAsync(verify(store, newest!));
  // Made again, and what the kernel would be given is right now.
  await store.repository.layers.images(chain);
  await t.notThrowsAsync(verify(store, newest!));
  t.is(readdirSync(layout.packs).length, 1);
  t.false(readFileSync(packs[0]!).includes("damage"));
  const tree = await openCommitTree(store.reopened(), newest);
  const node = nodeAt(tree, "file-5" as ByteString);
  t.true(node !== undefined && "content" in node);
  tree.close();
});

test("verifyContents() of a chain that borrows metadata alone finds what its base lost", async (t) => {
  const store = await maintainedStore(t);
  writeFileSync(path.join(store.directory, "file"), Buffer.alloc(50_000, "content "));
  const first = await store.commit("first");
  chmodSync(path.join(store.directory, "file"), 0o600);
  const second = await store.commit("second");
  await t.notThrowsAsync(verify(store, second));
  patch(store.layout.layer(await store.layerOf(first)), BLOCK_BYTES + 40_000);
  await t.throwsAsync(verify(store, second), { code: "LAYER_CORRUPT" });
});
