import { rmSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { addDescribed, fsckErofs, layerFixture, mountImage, mountOverlay, witness } from "../erofs/layer-fixture.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };

/** Each version has all files of the first but one, a large file that only the first brings, and one of its own. */
function version(number: number): DescribedEntry[] {
  const kept = Array.from({ length: 8 }, (_, index) => index).filter((index) => index !== number);
  return [
    ROOT,
    { path: "etc", type: "directory", mode: 0o711, xattrs: { "user.version": String(number) } },
    ...kept.map((index): DescribedEntry => ({ path: `etc/f${index}`, type: "file", content: `file ${index}`, mode: 0o4755 })),
    { path: "large", type: "file", content: "0123456789abcdef".repeat(4096), mode: 0o600 + number },
    { path: "twin", type: "file", linkTo: "large" },
    { path: `v${number}`, type: "symlink", target: "etc" },
  ];
}

testIf("erofs", "overlay")("view() mounts as the overlay of its layers does", async (t) => {
  const { store } = layerFixture(t);
  let chain: LayerId[] = [];
  for (const number of [8, 0, 1, 2, 9]) chain = await addDescribed(store, chain, version(number));
  const view = await store.view(chain);
  t.deepEqual(
    view.devices.map((device) => path.basename(device)),
    [chain.at(-1) as string],
    "only the layer with the large file lends",
  );
  const stack = mountOverlay(
    t,
    chain.map((layer) => mountImage(t, store.image(layer))),
    ",xino=off",
  );
  t.deepEqual(witness(mountImage(t, view)), witness(stack));
  t.is(fsckErofs(view), undefined);
});

test("view() is found again, and made again when it was deleted", async (t) => {
  const { store } = layerFixture(t);
  const chain = await addDescribed(store, [], version(1));
  const first = await store.view(chain);
  t.deepEqual(await store.view(chain), first);
  rmSync(first.path);
  t.deepEqual(await store.view(chain), first);
});
