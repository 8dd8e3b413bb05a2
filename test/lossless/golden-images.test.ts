import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { LayerId } from "../../core/model/ids.js";
import { treeId } from "../../core/model/tree-digest.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { storeLayout } from "../../store/store-layout.js";
import { byWalk, describeTree, expectedEntry } from "../contracts/described-tree.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { GOLDEN_CHAINS } from "./golden-trees.js";
import { GOLDEN_IMAGES, makeGoldenImages } from "./make-golden-images.js";

const SECOND_READER = path.resolve("test/lossless/second_reader.py");

/** What second_reader.py prints. */
interface SecondReading {
  readonly tree: string;
  readonly entries: readonly Readonly<Record<string, unknown>>[];
}

test("the writer gives the golden images byte for byte", async (t) => {
  const folder = temporaryDirectory(t);
  await makeGoldenImages(folder);
  for (const chain of Object.keys(GOLDEN_CHAINS)) {
    const names = readdirSync(path.join(folder, chain)).sort();
    t.deepEqual(names, readdirSync(path.join(GOLDEN_IMAGES, chain)).sort(), chain);
    for (const name of names) {
      t.true(readFileSync(path.join(folder, chain, name)).equals(readFileSync(path.join(GOLDEN_IMAGES, chain, name))), name);
    }
  }
});

for (const [name, trees] of Object.entries(GOLDEN_CHAINS)) {
  test(`openTree() of the golden chain "${name}" gives its trees back`, (t) => {
    trees.forEach((entries, index) => {
      const { described } = openGolden(t, name, index + 1);
      t.deepEqual(
        described,
        [...entries].sort(byWalk).map((entry) => expectedEntry(entry, entries)),
      );
    });
  });

  testIf("python3")(
    `a reader written from docs/on-disk-format.md alone reads the golden chain "${name}", and says the same`,
    (t) => {
      trees.forEach((_, index) => {
        const { described, chain, id } = openGolden(t, name, index + 1);
        const output = execFileSync("python3", [SECOND_READER, path.join(GOLDEN_IMAGES, name), ...chain], { encoding: "utf8" });
        const { tree, entries } = JSON.parse(output) as SecondReading;
        t.is(tree, String(id));
        const said = described.map(({ path: at, uid, gid, mtime, xattrs, sha256, target, device, links }) => {
          return { path: at, uid, gid, time: mtime, xattrs, links, sha256, target, device };
        });
        const second = entries.map(({ kind: _kind, mode: _mode, ...rest }) => rest);
        t.deepEqual(second.map(byKey), said.map(byKey));
      });
    },
  );
}

/** The tree of a chain's first images. */
function openGolden(t: ExecutionContext, name: string, count: number) {
  const layout = storeLayout(temporaryDirectory(t));
  mkdirSync(layout.layers, { recursive: true });
  const files = readdirSync(path.join(GOLDEN_IMAGES, name)).sort().slice(0, count);
  const chain = files.map((file) => file.slice(2, 66) as LayerId).reverse();
  files.forEach((file) => copyFileSync(path.join(GOLDEN_IMAGES, name, file), layout.layer(file.slice(2, 66) as LayerId)));
  const tree = openLayerStore(layout).openTree(chain);
  const described = describeTree(tree);
  const { digest, entry } = tree.root;
  tree.close();
  return { described, chain, id: digest === undefined ? undefined : treeId(entry, digest) };
}

/** Without what is absent, in one order of keys. */
function byKey(entry: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(entry)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
