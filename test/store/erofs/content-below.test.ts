import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { FileNode } from "../../../core/model/tree.js";
import type { ContentDigest, LayerId } from "../../../core/model/ids.js";
import { nodeAt } from "../../../core/model/paths.js";
import { openUpperTree } from "../../../store/directory/upper-tree.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { mount, MNT_DETACH, unmount } from "../../../linux/mount.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { flattenedChain } from "../../helpers/flattened-chain.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import { addDescribed, addLayer, fsckErofs, layerFixture, mountImage, mountOverlay, witness } from "./layer-fixture.js";

const kernelTest = testIf("erofs", "overlay", "fsck.erofs", "getfattr");
const SHORT = "f9b0078b5df596d2ea19010c001bbd009e651de2c57e8fb7e355f31eb9d3f739" as ContentDigest;
const ROOT: DescribedEntry = { path: "", type: "directory" };

const SOURCE = `
mkdir -p a/b c; printf hello > a/b/f; printf other > a/b/g; printf 'with xattr' > a/x; setfattr -n user.note -v 1 a/x
printf linked > a/l1; ln a/l1 c/l2; : > empty; head -c 5000 /dev/urandom > large; printf last > "$(printf 'n\\377\\nl')"
for n in $(seq 200); do echo "file $n" > c/$n; done
`;

/** Run in a container over the chain so far, one after another, each then committed. */
const CHANGES = [
  "chmod 600 a/b/f; chown -R 7:8 c; setfattr -n user.more -v 2 a/x; touch -d @1700000005 n*",
  "mv a/b moved; mv c/1 a/one; mv c/2 c/1; chmod 640 a/l1; chmod 1 empty; chown 5:6 large",
  "chown -R 1:2 moved; mv moved/g a/g; rm c/3; mkdir c/3; mv a/one c/3/one; mv c/4 c/5; ln c/6 six",
  "mv c d; mkdir c; mv d/3/one c/7; cat d/8 > eight; chown 9:9 d/8 c/7; mv a/g moved/f; rm six; echo more >> d/9",
  "rm -r a; mkdir a; mv d/10 a/x; chmod 600 a/x moved/f; mv moved/f 'mo ved'; chmod 777 large n*",
];

/** Mounts a container over mounted layers, changes it, and commits its upper directory over the chain. */
async function changeInContainer(
  t: ExecutionContext,
  store: ReturnType<typeof layerFixture>["store"],
  chain: readonly LayerId[],
  lower: readonly string[],
  change: string,
): Promise<{ chain: LayerId[]; seen: ReturnType<typeof witness> }> {
  const disk = temporaryDirectory(t);
  for (const name of ["upper", "work", "root"]) mkdirSync(path.join(disk, name));
  const target = path.join(disk, "root");
  const data = `metacopy=on,redirect_dir=on,index=on,lowerdir=${lower.join(":")},upperdir=${disk}/upper,workdir=${disk}/work`;
  mount({ source: "overlay", target, type: "overlay", data });
  execFileSync("sh", ["-euc", change], { cwd: target });
  const seen = witness(target);
  unmount(target, MNT_DETACH);
  const base = store.openTree(chain);
  const live = await openUpperTree({ upper: path.join(disk, "upper"), work: path.join(disk, "work"), base });
  try {
    return { chain: await addLayer(store, chain, live), seen };
  } finally {
    live.close();
    base.close();
  }
}

kernelTest(
  "short files that a container only moved or chowned are left in the layers below, and the kernel shows them",
  async (t) => {
    const { store, layers } = layerFixture(t);
    const source = path.join(temporaryDirectory(t), "source");
    mkdirSync(source);
    execFileSync("sh", ["-euc", SOURCE], { cwd: source });
    const first = openDirectoryTree(source);
    let chain = await addLayer(store, [], first);
    first.close();
    const mounts = [mountImage(t, store.image(chain[0] as LayerId))];
    for (const change of CHANGES) {
      const { chain: longer, seen } = await changeInContainer(t, store, chain, mounts, change);
      chain = longer;
      const image = store.image(chain[0] as LayerId);
      t.is(fsckErofs(image), undefined, change);
      t.deepEqual(verifyLayer(path.join(layers, image.id), image.id), [], change);
      mounts.unshift(mountImage(t, image));
      t.deepEqual(witness(mountOverlay(t, mounts)), seen, change);
      const view = await flattenedChain(store, chain);
      t.deepEqual(witness(mountImage(t, view)), seen, change);
      t.true(readMetacopies(mounts[0] as string) > 0, change);
    }
  },
);

function readMetacopies(directory: string): number {
  const lines = execFileSync("sh", ["-c", "getfattr -R -h -m trusted.overlay.metacopy . | grep -c '^trusted'"], {
    cwd: directory,
  });
  return Number(lines);
}

kernelTest("chown of 2,000 short files costs at most 200 bytes a file", async (t) => {
  const { store } = layerFixture(t);
  const entries = (uid: number): DescribedEntry[] => [
    ROOT,
    ...Array.from({ length: 2000 }, (_, n): DescribedEntry => {
      return { path: `a file of some name ${n}`, type: "file", content: `${n} `.repeat(n % 700), uid };
    }),
  ];
  const chain = await addDescribed(store, await addDescribed(store, [], entries(0)), entries(7));
  t.true(statSync(store.image(chain[0] as LayerId).path).size <= 2000 * 200);
});

test("a file whose content stands below can't be read where the layers below lack it, and its digest is known", async (t) => {
  const { store } = layerFixture(t);
  const file = (mode: number): DescribedEntry[] => [ROOT, { path: "f", type: "file", content: "short", mode }];
  const [changed, base] = await addDescribed(store, await addDescribed(store, [], file(0o600)), file(0o640));
  const other = await addDescribed(store, [], [ROOT, { path: "f", type: "file", content: "altered" }]);
  for (const chain of [[changed], [changed, ...other]] as LayerId[][]) {
    const tree = store.openTree(chain);
    const { content } = nodeAt(tree, "f" as ByteString) as FileNode;
    t.is(content.digest(), SHORT);
    t.is(t.throws(() => content.open(), { instanceOf: VarveError })?.code, "LAYER_CORRUPT");
    tree.close();
  }
  const tree = store.openTree([changed, base] as LayerId[]);
  const bytes = Buffer.alloc(9);
  const { content } = nodeAt(tree, "f" as ByteString) as FileNode;
  t.is(bytes.toString("latin1", 0, content.open().read(bytes, 0)), "short");
  tree.close();
});

test("a file chmodded in each of 20,000 layers is read without a stack of 20,000 calls", async (t) => {
  const { store } = layerFixture(t);
  const file = (mode: number): DescribedEntry[] => [ROOT, { path: "f", type: "file", content: "short", mode }];
  const [second, first] = await addDescribed(store, await addDescribed(store, [], file(0o600)), file(0o640));
  const chain = [...Array.from({ length: 20_000 }, () => second), first] as LayerId[];
  const tree = store.openTree(chain);
  const { content } = nodeAt(tree, "f" as ByteString) as FileNode;
  t.is(content.size, 5);
  t.is(content.open().read(Buffer.alloc(9), 0), 5);
  tree.close();
  t.true(existsSync(store.image(first as LayerId).path) && readFileSync(store.image(first as LayerId).path).length > 0);
});

kernelTest(
  "a container over a chain of 45 layers changes one of a hardlink's names, and the commit has all of them",
  async (t) => {
    const { store } = layerFixture(t);
    let chain: LayerId[] = [];
    for (let step = 0; step < 45; step += 1) {
      const linked: DescribedEntry[] = [
        { path: "d", type: "directory" },
        { path: "d/one", type: "file", content: "linked" },
        { path: "d/two", type: "file", linkTo: "d/one" },
        { path: "three", type: "file", linkTo: "d/one" },
      ];
      chain = await addDescribed(store, chain, [
        ROOT,
        { path: `f${step}`, type: "file", content: `${step}` },
        ...(step < 6 ? [] : linked),
      ]);
    }
    const images = await store.images(chain);
    t.true(images.length < chain.length);
    const mounts = images.map((image) => mountImage(t, image));
    const change = "chmod 600 d/one; rm three; chmod 640 f44";
    const { chain: longer, seen } = await changeInContainer(t, store, chain, mounts, change);
    t.true(seen.entries.some((line) => line.startsWith("d/two f 600")));
    const shown = (await store.images(longer)).map((image) => mountImage(t, image));
    // One name was removed, which the copied-up inode's count in the container still has.
    const withoutCounts = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/ \d+ $/, ""));
    t.deepEqual(withoutCounts(witness(mountOverlay(t, shown)).entries), withoutCounts(seen.entries));
  },
);
