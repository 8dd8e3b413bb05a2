import { execFileSync } from "node:child_process";
import { mkdirSync, readlinkSync, rmSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { LayerId } from "../../../core/model/ids.js";
import type { FileNode, Tree, TreeNode } from "../../../core/model/tree.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { flattenedChain } from "../../helpers/flattened-chain.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import {
  addDescribed,
  addLayer,
  fsckErofs,
  layerFixture,
  mountImage,
  mountOverlay,
  witness,
  type LayerFixture,
} from "../erofs/layer-fixture.js";

// Here ids may depend on what a store holds.
delete process.env["SOURCE_DATE_EPOCH"];

const ROOT: DescribedEntry = { path: "", type: "directory" };
const file = (name: string, content: DescribedEntry["content"], mode = 0o644): DescribedEntry => {
  return { path: name, type: "file", content: content ?? "", mode };
};

/** The layer that is known to be a variant of the canonical one. */
function variantOf({ layers }: LayerFixture, canonical: LayerId): string | undefined {
  try {
    return readlinkSync(path.join(path.dirname(path.dirname(layers)), "views", "variants", canonical));
  } catch {
    return undefined;
  }
}

/** Writes the tree first with all layers of the store as lenders, then with those of the chain alone: both must be one layer in two forms. */
async function addBothWays(
  t: ExecutionContext,
  fixture: LayerFixture,
  chain: readonly LayerId[],
  target: Tree,
): Promise<LayerId> {
  const { store, layers } = fixture;
  const kept = new Set(store.list().filter((id) => !chain.includes(id)));
  const [lent] = (await addLayer(store, chain, target, kept)) as [LayerId];
  const [canonical] = (await addLayer(store, chain, target)) as [LayerId];
  if (lent !== canonical) t.is(variantOf(fixture, canonical), lent);
  t.deepEqual((await addLayer(store, chain, target, kept))[0], store.has(canonical) ? canonical : lent);
  for (const id of [lent, canonical]) {
    t.deepEqual(verifyLayer(path.join(layers, id), id), []);
    const tree = store.openTree([id, ...chain]);
    t.deepEqual(describeTree(tree), describeTree(target));
    tree.close();
  }
  return lent;
}

test("a layer that borrows beyond its chain is the one that borrows from it alone, in another form, whatever the trees", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ tree: arbitraryTree, branch: fc.nat(2), hidden: fc.boolean() }), { maxLength: 7 }),
      async (steps) => {
        const fixture = layerFixture(t);
        const chains: LayerId[][] = [[], [], []];
        for (const { tree, branch, hidden } of steps) {
          const target = hidden ? withoutDigests(memoryTree(tree)) : memoryTree(tree);
          const chain = chains[branch] as LayerId[];
          chains[branch] = [await addBothWays(t, fixture, chain, target), ...chain];
        }
      },
    ),
    { numRuns: 30 },
  );
});

/** As a live directory's, of which nothing was read yet. */
function withoutDigests({ root, close }: Tree): Tree {
  const wrap = <N extends TreeNode>(node: N): N => {
    if ("content" in node) {
      const { content } = node;
      const hidden: FileNode["content"] = {
        size: content.size,
        digest: () => content.digest(),
        knownDigest: undefined,
        stored: undefined,
        extents: () => content.extents(),
        open: () => content.open(),
      };
      return { ...node, content: hidden };
    }
    if (!("child" in node)) return node;
    const children = function* (): Generator<readonly [ByteString, TreeNode]> {
      for (const [name, child] of node.children()) yield [name, wrap(child)] as const;
    };
    const child = (name: ByteString): TreeNode | undefined => {
      const found = node.child(name);
      return found && wrap(found);
    };
    return { ...node, children, child };
  };
  return { root: wrap(root), close };
}

/** A tree of real files, some of several MiB, made by bash. */
class Source {
  readonly directory: string;

  constructor(t: ExecutionContext) {
    this.directory = path.join(temporaryDirectory(t), "source");
    mkdirSync(this.directory);
  }

  tree(change: string): Tree {
    execFileSync("bash", ["-euc", change], { cwd: this.directory });
    return openDirectoryTree(this.directory);
  }
}

const FILES = `for size in 4096 9000 70000 300000 5000000 9000000; do head -c $size /dev/urandom > $size; cp $size copy-$size; done
  head -c 100000 /dev/urandom > sparse; truncate -s 40M sparse; head -c 50000 /dev/urandom >> sparse; printf short > short; ln 9000 link`;

test("contents of all sizes, sparse ones, changed ones and copies are borrowed from another branch", async (t) => {
  const fixture = layerFixture(t);
  const { store } = fixture;
  const source = new Source(t);
  const first = await addLayer(store, [], source.tree(FILES));
  const again = await addLayer(store, [], source.tree("true"), new Set(first));
  t.deepEqual([again, store.list()], [first, first]);
  // The chain of the second branch grows apart from the first.
  let chain: LayerId[] = [];
  for (const change of [
    "mv 5000000 elsewhere; rm 70000; head -c 20000 /dev/urandom > new",
    "printf X | dd of=9000000 bs=1 seek=4000000 conv=notrunc status=none; mv elsewhere 5000000",
    "head -c 6000000 /dev/urandom > large; mv sparse sparse2; chmod 600 9000",
    "cp 9000000 a; cp large b; truncate -s 8000000 large; printf Y | dd of=sparse2 bs=1 seek=1000000 conv=notrunc status=none",
  ]) {
    chain = [await addBothWays(t, fixture, chain, source.tree(change)), ...chain];
    t.true(store.image(chain[0] as LayerId).devices.length > 0);
  }
  t.true(store.storedBytes(chain.at(-1) as LayerId) < 150_000);
});

testIf(
  "erofs",
  "overlay",
  "fsck.erofs",
  "getfattr",
)("the kernel shows what was borrowed beyond the chain", async (t) => {
  const { store } = layerFixture(t);
  const source = new Source(t);
  const lender = await addLayer(store, [], source.tree(FILES));
  let chain: LayerId[] = [];
  const mounts: string[] = [];
  const changes = [
    "rm copy-*; head -c 9000 /dev/urandom > own",
    "chmod 600 300000; mv 5000000 d",
    "cp d e; chown 1:2 sparse",
    "rm own",
  ];
  for (const change of changes) {
    chain = await addLayer(store, chain, source.tree(change), new Set(lender));
    const image = store.image(chain[0] as LayerId);
    t.is(fsckErofs(image), undefined);
    mounts.unshift(mountImage(t, image));
    const shown = mounts.length > 1 ? mountOverlay(t, mounts) : (mounts[0] as string);
    t.deepEqual(witness(shown), witness(source.directory));
  }
  // Those that only moved or changed metadata are borrowed from the layer that holds them, not from the one that lent them before.
  t.deepEqual(store.image(chain[1] as LayerId).devices, [store.image(lender[0] as LayerId).path]);
  const view = await flattenedChain(store, chain);
  t.deepEqual(witness(mountImage(t, view)), witness(source.directory));
});

test("what the chain has is borrowed from it, though another layer has it too", async (t) => {
  const { store } = layerFixture(t);
  const entries = [ROOT, file("a", "a".repeat(9000))];
  const [other] = await addDescribed(store, [], [...entries, file("z", "")]);
  const chain = await addDescribed(store, [], entries);
  const [top] = await addLayer(store, chain, memoryTree([...entries, file("b", "a".repeat(9000))]), new Set([other as LayerId]));
  t.deepEqual(store.image(top as LayerId).devices, [store.image(chain[0] as LayerId).path]);
});

test.serial("with SOURCE_DATE_EPOCH a layer is the same whatever else the store holds", async (t) => {
  const { store } = layerFixture(t);
  const entries = [ROOT, file("a", "a".repeat(9000)), file("b", "b".repeat(5000))];
  const [other] = await addDescribed(store, [], entries);
  const target = memoryTree(entries.slice(0, 2));
  process.env["SOURCE_DATE_EPOCH"] = "86400";
  t.teardown(() => delete process.env["SOURCE_DATE_EPOCH"]);
  const [alone] = await addLayer(layerFixture(t).store, [], target);
  t.deepEqual(await addLayer(store, [], target, new Set([other as LayerId])), [alone]);
});

test("without views/ the same tree is stored again, and nothing worse", async (t) => {
  const { store, layers } = layerFixture(t);
  const first = await addDescribed(store, [], [ROOT, file("a", "a".repeat(9000)), file("b", "b".repeat(9000))]);
  const target = memoryTree([ROOT, file("b", "b".repeat(9000)), file("c", "c".repeat(9000))]);
  const kept = (): Set<LayerId> => new Set(store.list());
  const [variant] = await addLayer(store, [], target, new Set(first));
  t.deepEqual(await addLayer(store, [], target, kept()), [variant]);
  rmSync(path.join(path.dirname(path.dirname(layers)), "views"), { recursive: true });
  const [again] = await addLayer(store, [], target, kept());
  t.not(again, variant);
  t.true(store.storedBytes(again as LayerId) <= 8192);
  const tree = store.openTree([again as LayerId]);
  t.deepEqual(describeTree(tree), describeTree(target));
  tree.close();
});

test("more than 128 lenders beyond the chain are not taken: what they have is stored", async (t) => {
  const { store } = layerFixture(t);
  const entries = Array.from({ length: 140 }, (_, n) => file(`f${n}`, `${n}`.padEnd(4096, "x")));
  const kept = new Set<LayerId>();
  for (const entry of entries) kept.add((await addDescribed(store, [], [ROOT, entry]))[0] as LayerId);
  const target = memoryTree([ROOT, ...entries]);
  const [id] = await addLayer(store, [], target, kept);
  t.is(store.image(id as LayerId).devices.length, 128);
  const tree = store.openTree([id as LayerId]);
  t.deepEqual(describeTree(tree), describeTree(target));
  tree.close();
});
