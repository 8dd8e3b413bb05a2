import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { VarveError } from "../../../core/errors.js";
import type { LayerId } from "../../../core/model/ids.js";
import { ChainTree } from "../../../store/erofs/chain-tree.js";
import { LayerImages } from "../../../store/erofs/layer-images.js";
import { walkEverything } from "../../fuzz/walk-everything.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import { chainToForge } from "./forgeries/forged-chain.js";
import { FORGERIES } from "./forgeries/forgeries.js";
import type { Forgery } from "./forgeries/forgery.js";
import { ImageAnatomy } from "./image-anatomy.js";

let root: string;
let folder: string;
let chain: readonly LayerId[];

test.before(async () => {
  ({ root, folder, chain } = await chainToForge());
});

test.after.always(() => rmSync(root, { recursive: true, force: true }));

test("the chain that is changed is sound before", (t) => {
  const images = new LayerImages(folder);
  const tree = new ChainTree(images, chain);
  t.is(walkEverything(tree, 1 << 20), "read");
  tree.close();
  for (const id of chain) t.deepEqual(verifyLayer(path.join(folder, id), id), []);
});

for (const forgery of FORGERIES) {
  const { what, seenBy } = forgery;
  const verdict = seenBy === "fsck" ? "fsck finds" : "a reader refuses";
  test(`${verdict} an image of its own id with ${what}`, (t) => {
    const place = mkdtempSync(path.join(temporaryDirectory(t), "forged-"));
    const ids = forge(place, forgery);
    const images = new LayerImages(place);
    let outcome: string;
    try {
      const tree = new ChainTree(images, ids);
      outcome = walkEverything(tree, 1 << 20);
    } catch (error) {
      outcome = `refused ${(error as VarveError).code}`;
    } finally {
      images.close();
    }
    t.is(outcome, seenBy === "fsck" ? "read" : "refused LAYER_CORRUPT");
    const [id] = ids as [LayerId];
    if (seenBy !== "chain") t.not(verifyLayer(path.join(place, id), id).length, 0);
  });
}

/** Puts the chain into a folder, its newest image changed and sealed anew. @returns Its ids. */
function forge(place: string, { change }: Forgery): LayerId[] {
  const [newest, ...below] = chain as [LayerId, ...LayerId[]];
  for (const id of below) copyFileSync(path.join(folder, id), path.join(place, id));
  const image = new ImageAnatomy(readFileSync(path.join(folder, newest)));
  change(image);
  const id = image.seal();
  writeFileSync(path.join(place, id), image.bytes);
  chmodSync(path.join(place, id), 0o400);
  return [id, ...below];
}
