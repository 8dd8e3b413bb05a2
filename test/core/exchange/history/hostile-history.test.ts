// Histories that do harm, from the artifact's bytes to what its layers say: all are refused, no ref moves, and fsck finds the store whole.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import type { VarveError } from "../../../../core/errors.js";
import type { Commit } from "../../../../core/model/commit.js";
import { treeId } from "../../../../core/model/tree-digest.js";
import type { CommitId, LayerId } from "../../../../core/model/ids.js";
import { blobDigest } from "../../../../core/model/image.js";
import type { HistoryLayer, OpenedHistory } from "../../../../core/ports/histories.js";
import type { Repository } from "../../../../core/ports/repository.js";
import { openLayerStore } from "../../../../store/layers/layer-store.js";
import { blobOf, decodeManifest, HISTORY_TYPE } from "../../../../store/oci/history-manifest.js";
import { storeLayout } from "../../../../store/store-layout.js";
import type { DescribedEntry } from "../../../contracts/described-tree.js";
import { chainToForge } from "../../../store/erofs/forgeries/forged-chain.js";
import { FORGERIES } from "../../../store/erofs/forgeries/forgeries.js";
import { ImageAnatomy } from "../../../store/erofs/image-anatomy.js";
import { bundleTo, commitDescribed, emptyRepository, fsck, setBranch, takeBundle } from "../../../helpers/travelling-history.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };
const file = (name: string, content: string): DescribedEntry => ({ path: name, type: "file", content });
const BIG = "0123456789abcdef".repeat(2000);

interface Source {
  readonly repository: Repository;
  readonly bundle: string;
  readonly layers: readonly LayerId[];
  readonly tip: CommitId;
}

/** Two commits; the second one's layer borrows from the first one's. */
async function source(t: ExecutionContext): Promise<Source> {
  const repository = await emptyRepository(t);
  const first = await commitDescribed(repository, [ROOT, file("big", BIG), file("short", "s")]);
  const second = await commitDescribed(
    repository,
    [ROOT, { ...file("big", BIG), mode: 0o600 }, { ...file("short", "s"), mode: 0o600 }],
    [first],
  );
  await setBranch(repository, "main", second);
  const layers = await Promise.all([first, second].map(async (id) => (await repository.history.readCommit(id)).layer));
  return { repository, bundle: await bundleTo(t, repository), layers, tip: second };
}

async function refuses(
  t: ExecutionContext,
  to: Repository,
  bundle: string,
  message: RegExp,
  change?: (history: OpenedHistory) => OpenedHistory | Promise<OpenedHistory>,
): Promise<void> {
  const before = await to.history.listRefs("refs/");
  const error = (await t.throwsAsync(takeBundle(to, bundle, change))) as VarveError | undefined;
  t.true(["SOURCE_INVALID", "REVISION_UNKNOWN"].includes(error?.code ?? ""), `${error?.code}: ${error?.message}`);
  t.regex(error?.message ?? "", message);
  t.deepEqual(await to.history.listRefs("refs/"), before);
  t.deepEqual(await fsck(to), []);
  t.deepEqual(readdirSync(path.join(to.path, "scratch")), []);
}

function withLayer(
  history: OpenedHistory,
  id: LayerId,
  change: (layer: HistoryLayer) => HistoryLayer | undefined,
): OpenedHistory {
  const layers = [...history.layers].flatMap(([key, layer]) => {
    const changed = key === id ? change(layer) : layer;
    return changed === undefined ? [] : [[key, changed] as const];
  });
  return { ...history, layers: new Map(layers) };
}

function bytes(layer: HistoryLayer, plain: Buffer, more: Partial<HistoryLayer> = {}): HistoryLayer {
  return {
    ...layer,
    imageBytes: plain.length,
    ...more,
    async *open() {
      yield gzipSync(plain);
    },
  };
}

const imageOf = ({ path: store }: Repository, id: LayerId): Buffer => readFileSync(path.join(store, "layers/sha256", id));

type Case = readonly [what: string, message: RegExp, change: (history: OpenedHistory, source: Source) => OpenedHistory];

const CASES: readonly Case[] = [
  ["without a layer", /lacks layer/, (history, { layers }) => withLayer(history, layers[0]!, () => undefined)],
  [
    "with another layer's bytes",
    /uuid of another layer|no layer that varve wrote/,
    (history, { layers, repository }) => withLayer(history, layers[0]!, (layer) => bytes(layer, imageOf(repository, layers[1]!))),
  ],
  [
    "with a layer that is no image",
    /no layer that varve wrote/,
    (history, { layers }) => withLayer(history, layers[0]!, (layer) => bytes(layer, Buffer.alloc(8192, 1))),
  ],
  [
    "with a layer that is no gzip",
    /gzip/,
    (history, { layers }) =>
      withLayer(history, layers[0]!, (layer) => ({
        ...layer,
        async *open() {
          yield Buffer.from("hello");
        },
      })),
  ],
  [
    "with a layer longer than its manifest says",
    /more bytes than its manifest says/,
    (history, { layers, repository }) =>
      withLayer(history, layers[0]!, (layer) =>
        bytes(layer, Buffer.concat([imageOf(repository, layer.id), Buffer.alloc(4096)]), { imageBytes: layer.imageBytes }),
      ),
  ],
  [
    "with a bomb for a layer",
    /more bytes than its manifest says/,
    (history, { layers }) =>
      withLayer(history, layers[0]!, (layer) => bytes(layer, Buffer.alloc(300 << 20), { imageBytes: layer.imageBytes })),
  ],
  [
    "with a layer that is cut off",
    /fewer bytes than its manifest says/,
    (history, { layers, repository }) =>
      withLayer(history, layers[0]!, (layer) =>
        bytes(layer, imageOf(repository, layer.id).subarray(0, 4096), { imageBytes: layer.imageBytes }),
      ),
  ],
  [
    "with a content that is another",
    /another content than its digest says/,
    (history, { layers, repository }) =>
      withLayer(history, layers[0]!, (layer) => {
        const image = imageOf(repository, layer.id);
        image[image.indexOf("0123456789")]! ^= 1;
        return bytes(layer, image);
      }),
  ],
  [
    "with a mode changed in the metadata, under the old id",
    /not that of its id/,
    (history, { layers, repository }) =>
      withLayer(history, layers[0]!, (layer) => {
        const image = new ImageAnatomy(imageOf(repository, layer.id));
        image.bytes.writeUInt16LE(0o104755, image.inode("big") + 4);
        return bytes(layer, image.bytes);
      }),
  ],
  [
    "with a commit that names another tree",
    /add up to another tree/,
    (history) => ({
      ...history,
      commits: history.commits.map((commit): Commit => ({ ...commit, tree: "0".repeat(64) as never })),
    }),
  ],
  [
    "with the layers of its commits swapped",
    /borrows from|add up to another tree|no layer that varve wrote/,
    (history) => {
      const [first, second] = history.commits as [Commit, Commit];
      return {
        ...history,
        commits: [
          { ...first, layer: second.layer },
          { ...second, layer: first.layer },
        ],
      };
    },
  ],
  [
    "that stands on commits that are not there",
    /lacks commits that it stands on/,
    (history) => ({ ...history, prerequisites: [{ commit: "5".repeat(40) as CommitId, subject: "\x1b[2J" }] }),
  ],
  [
    "without a document that a commit names",
    /lacks a config or manifest/,
    (history) => ({
      ...history,
      commits: history.commits.map((commit): Commit => ({
        ...commit,
        image: { config: { mediaType: "x", digest: blobDigest("6".repeat(64)), size: 1 } },
      })),
    }),
  ],
];

for (const [what, message, change] of CASES)
  test(`a history is refused ${what}`, async (t) => {
    const from = await source(t);
    await refuses(t, await emptyRepository(t), from.bundle, message, (history) => change(history, from));
  });

test("a layer does not borrow from a layer of the store that its history has not", async (t) => {
  const { repository: from, layers, bundle } = await source(t);
  const to = await emptyRepository(t);
  // The private layer is the very one that the stranger's layer borrows from.
  const secret = await commitDescribed(to, [ROOT, file("big", BIG), file("short", "s")]);
  await setBranch(to, "private", secret);
  t.is((await to.history.readCommit(secret)).layer, layers[0]!);
  const borrower = (history: OpenedHistory): OpenedHistory => ({
    ...withLayer(history, layers[0]!, () => undefined),
    commits: [{ ...history.commits[1]!, parents: [] }],
  });
  await refuses(t, to, bundle, /borrows from layer/, borrower);
  t.is(from.layers.lenders(layers[1]!).length, 1);
});

test("an image's name for a layer that holds other files is refused, so that no image is taken for it later", async (t) => {
  const { bundle } = await source(t);
  const diffId = blobDigest(createHash("sha256").update(Buffer.alloc(1024)).digest("hex"));
  await refuses(t, await emptyRepository(t), bundle, /nothing that came with it shows that layer/, (history) => ({
    ...history,
    writeObjects: () => history.writeObjects(),
    commits: history.commits.map((commit) => ({ ...commit, image: { diffId } })),
  }));
});

test("a forged image's name is refused again the second time, and by a history that stands on it", async (t) => {
  const from = await emptyRepository(t);
  const first = await commitDescribed(from, [ROOT, file("a", "a")]);
  const diffId = blobDigest(createHash("sha256").update(Buffer.alloc(1024)).digest("hex"));
  const draft = await from.history.readCommit(await commitDescribed(from, [ROOT, file("a", "b")], [first]));
  const forged = await from.history.writeCommit({ ...draft, image: { diffId } });
  await setBranch(from, "main", forged);
  const bundle = await bundleTo(t, from);
  const to = await emptyRepository(t);
  await refuses(t, to, bundle, /shows that layer/);
  await refuses(t, to, bundle, /shows that layer/);
  await setBranch(from, "main", await commitDescribed(from, [ROOT, file("a", "c")], [forged]));
  await refuses(t, to, await bundleTo(t, from, [`${forged}..main`]), /lacks commits that it stands on/);
});

const below = FORGERIES.filter(({ seenBy }) => seenBy === "chain");
for (const { what, change } of below)
  test(`a history is refused with ${what}`, async (t) => {
    const { root, chain } = await chainToForge();
    t.teardown(() => rmSync(root, { recursive: true, force: true }));
    const [newest, base] = chain as [LayerId, LayerId];
    const images = storeLayout(root).layers;
    const image = new ImageAnatomy(readFileSync(path.join(images, newest)));
    change(image);
    const forged = image.seal() as LayerId;
    const from = await source(t);
    await refuses(
      t,
      await emptyRepository(t),
      from.bundle,
      new RegExp(`commit "${from.tip}" add up to another tree`),
      (history) => {
        const [first, second] = history.commits as [Commit, Commit];
        const layer = (id: LayerId, plain: Buffer): readonly [LayerId, HistoryLayer] => [
          id,
          { ...bytes([...history.layers.values()][0]!, plain), id },
        ];
        return {
          ...history,
          layers: new Map([layer(base, readFileSync(path.join(images, base))), layer(forged, image.bytes)]),
          commits: [
            { ...first, layer: base, tree: treeOf(root, [base]) },
            { ...second, layer: forged, tree: treeOf(root, chain) },
          ],
        };
      },
    );
  });

test("there are such forgeries", (t) => t.not(below.length, 0));

function treeOf(root: string, chain: readonly LayerId[]): Commit["tree"] {
  const tree = openLayerStore(storeLayout(root)).openTree(chain);
  try {
    return treeId(tree.root.entry, tree.root.digest!);
  } finally {
    tree.close();
  }
}

test("each byte of a bundle counts: whichever is flipped, nothing is taken in, or all of it as it was", async (t) => {
  const { bundle, repository } = await source(t);
  const whole = readFileSync(bundle);
  const tip = await repository.history.readRef("refs/heads/main" as never);
  const to = await emptyRepository(t);
  for (let at = 0; at < 120; at += 1) {
    const flipped = Buffer.from(whole);
    const place = Math.floor((flipped.length * at) / 120);
    flipped[place]! ^= 0x41;
    const name = `${bundle}-flipped`;
    writeFileSync(name, flipped);
    try {
      const fresh = at % 10 === 0 ? await emptyRepository(t) : to;
      await takeBundle(fresh, name);
      t.is(await fresh.history.readRef("refs/heads/main" as never), tip);
    } catch (error) {
      t.true(
        ["SOURCE_INVALID", "SOURCE_MISSING", "UNSUPPORTED"].includes((error as VarveError).code),
        `byte ${place}: ${String(error)}`,
      );
    }
  }
  t.deepEqual(await fsck(to), []);
});

const digest = `sha256:${"7".repeat(64)}`;
const OBJECTS = { mediaType: "application/vnd.varve.history.objects.v1.git-bundle", digest, size: 10 };
const layerOf = (annotations: object, size = 100): object => ({
  mediaType: "application/vnd.varve.layer.v1.erofs+gzip",
  digest,
  size,
  annotations,
});
const ID = "8".repeat(64);
const manifest = (more: object): object => ({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  artifactType: HISTORY_TYPE,
  config: blobOf("application/vnd.oci.empty.v1+json", Buffer.from("{}")).record,
  layers: [OBJECTS],
  ...more,
});

const MANIFESTS: readonly (readonly [what: string, value: unknown])[] = [
  ["nothing", null],
  ["a list", []],
  ["another type", manifest({ artifactType: "x" })],
  ["an index too", manifest({ manifests: [] })],
  ["no layers", manifest({ layers: undefined })],
  ["layers that are none", manifest({ layers: "x" })],
  ["no git objects", manifest({ layers: [] })],
  ["git objects twice", manifest({ layers: [OBJECTS, OBJECTS] })],
  ["git objects of a gigabyte", manifest({ layers: [{ ...OBJECTS, size: 2 ** 30 }] })],
  ["a size below 0", manifest({ layers: [{ ...OBJECTS, size: -1 }] })],
  ["a size of 2^53", manifest({ layers: [{ ...OBJECTS, size: 2 ** 53 }] })],
  ["a size that is text", manifest({ layers: [{ ...OBJECTS, size: "10" }] })],
  ["a digest of MD5", manifest({ layers: [{ ...OBJECTS, digest: "md5:0" }] })],
  ["a digest of SHA-512", manifest({ layers: [{ ...OBJECTS, digest: `sha512:${"7".repeat(128)}` }] })],
  ["a blob of another type", manifest({ layers: [OBJECTS, { ...OBJECTS, mediaType: "text/plain" }] })],
  ["a layer without an id", manifest({ layers: [OBJECTS, layerOf({})] })],
  [
    "a layer with a path for an id",
    manifest({ layers: [OBJECTS, layerOf({ "vnd.varve.layer": "../x", "vnd.varve.layer.bytes": "4096" })] }),
  ],
  ...["0", "-4096", "1e9", "4095", "4096 ", "99999999999999999", "409600000"].map(
    (size) =>
      [
        `a layer of ${size} bytes`,
        manifest({ layers: [OBJECTS, layerOf({ "vnd.varve.layer": ID, "vnd.varve.layer.bytes": size })] }),
      ] as const,
  ),
  [
    "a layer twice",
    manifest({ layers: [OBJECTS, ...[1, 2].map(() => layerOf({ "vnd.varve.layer": ID, "vnd.varve.layer.bytes": "4096" }))] }),
  ],
  ["40,000 blobs", manifest({ layers: [OBJECTS, ...Array.from({ length: 40_000 }, () => OBJECTS)] })],
];

for (const [what, value] of MANIFESTS)
  test(`decodeManifest() refuses ${what}`, (t) => {
    t.throws(() => decodeManifest(value), { instanceOf: SyntaxError });
  });
