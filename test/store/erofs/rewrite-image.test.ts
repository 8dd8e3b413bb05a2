import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import test, { type ExecutionContext } from "ava";
import type { VarveError } from "../../../core/errors.js";
import type { LayerId } from "../../../core/model/ids.js";
import { atOnce } from "../../../core/turns.js";
import { LayerImages } from "../../../store/erofs/layer-images.js";
import { rewriteImage } from "../../../store/erofs/rewrite-image.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { chainToForge } from "./forgeries/forged-chain.js";
import { FORGERIES } from "./forgeries/forgeries.js";
import { ImageAnatomy } from "./image-anatomy.js";
import { addDescribed, layerFixture } from "./layer-fixture.js";

const GOLDEN = "fixtures/images/v1";
let scratch = 0;
let root: string;
let folder: string;
let chain: readonly LayerId[];

test.before(async () => {
  ({ root, folder, chain } = await chainToForge());
});

test.after.always(() => rmSync(root, { recursive: true, force: true }));

/** @returns The new image's bytes. */
function rewritten(t: ExecutionContext, folder: string, id: LayerId, mostContentBytes = Infinity): Buffer {
  const place = temporaryDirectory(t);
  const file = path.join(place, id);
  const images = new LayerImages(folder);
  const fd = openSync(file, "wx+");
  try {
    atOnce(rewriteImage(images.get(id), fd, { scratch: () => path.join(place, `s${scratch++}`), mostContentBytes }));
    return readFileSync(file);
  } finally {
    closeSync(fd);
    images.close();
  }
}

for (const name of readdirSync(GOLDEN)) {
  test(`the golden images of "${name}" are written anew to the same bytes`, (t) => {
    const folder = temporaryDirectory(t);
    const files = readdirSync(path.join(GOLDEN, name));
    const idOf = (file: string): LayerId => /-([0-9a-f]{64})\.erofs$/.exec(file)?.[1] as LayerId;
    for (const file of files) copyFileSync(path.join(GOLDEN, name, file), path.join(folder, idOf(file)));
    for (const file of files) t.deepEqual(rewritten(t, folder, idOf(file)), readFileSync(path.join(GOLDEN, name, file)));
  });
}

test("whatever trees layers are written for, on a chain or borrowing beyond it, they are written anew to the same bytes", async (t) => {
  const trees = fc.array(arbitraryTree, { minLength: 2, maxLength: 4 });
  const property = fc.asyncProperty(trees, trees, async (ours, theirs) => {
    const { store, layers } = layerFixture(t);
    let other: LayerId[] = [];
    for (const tree of theirs) other = await addDescribed(store, other, tree);
    let own: LayerId[] = [];
    for (const tree of ours) own = await addDescribed(store, own, tree, new Set(other));
    for (const id of store.list()) if (!rewritten(t, layers, id).equals(readFileSync(path.join(layers, id)))) return false;
    return true;
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 40 }));
});

test("the images that are forged below are written anew to the same bytes before", (t) => {
  for (const id of chain) t.deepEqual(rewritten(t, folder, id), readFileSync(path.join(folder, id)));
});

// What only the layers below tell, trees do: test/core/exchange/history/hostile-history.test.ts.
for (const forgery of FORGERIES.filter(({ seenBy }) => seenBy !== "chain")) {
  test(`an image of its own id is not written anew with ${forgery.what}`, (t) => {
    const place = temporaryDirectory(t);
    const [newest, ...below] = chain as [LayerId, ...LayerId[]];
    for (const id of below) copyFileSync(path.join(folder, id), path.join(place, id));
    const image = new ImageAnatomy(readFileSync(path.join(folder, newest)));
    forgery.change(image);
    const id = image.seal() as LayerId;
    writeFileSync(path.join(place, id), image.bytes);
    const error = t.throws(() => rewritten(t, place, id)) as VarveError | undefined;
    t.true(["LAYER_CORRUPT", "UNSUPPORTED"].includes(error?.code ?? ""), error?.stack);
  });
}

test("what no file shows is not written anew: behind the ends of contents, and in blocks that nothing uses", (t) => {
  const place = temporaryDirectory(t);
  const [newest, ...below] = chain as [LayerId, ...LayerId[]];
  for (const id of below) copyFileSync(path.join(folder, id), path.join(place, id));
  const bytes = readFileSync(path.join(folder, newest));
  const image = new ImageAnatomy(bytes);
  const behind = image.block("plain") * 4096 + 9000;
  bytes.write("hidden", behind);
  writeFileSync(path.join(place, newest), bytes);
  const written = rewritten(t, place, newest);
  t.is(written.toString("latin1", behind, behind + 6), "\0".repeat(6));
  t.deepEqual(written, readFileSync(path.join(folder, newest)));
});

test("contents that are too large for their image are not read", (t) => {
  t.is((t.throws(() => rewritten(t, folder, chain[0]!, 50_000)) as VarveError).code, "LAYER_CORRUPT");
});
