import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import { loadImages, type LoadedImage } from "../../../core/exchange/load-images.js";
import type { ImageSource } from "../../../core/ports/images.js";
import { repositoryAt } from "../../../cli/open-repository.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { inPieces } from "../tar/import-bytes.js";
import { archive, file, hardlink, symlink } from "../tar/raw-tar.js";
import { INDEX, LAYER, Layout, MANIFEST } from "./layout-on-disk.js";

const BASE = archive(file("etc-motd", "hi"));
const hexOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const DIFF_ID = `sha256:${hexOf(BASE)}`;
const CONFIG = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [DIFF_ID] } };
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";

async function load(store: StoreLayout, source: ImageSource): Promise<readonly LoadedImage[]> {
  return loadImages(await repositoryAt(store), source, { command: "load", keepBytes: Infinity });
}

function archiveSource(bytes: Buffer): ImageSource {
  return { kind: "archive", name: '"hostile.tar"', path: undefined, stream: inPieces(bytes) };
}

function filesBelow(store: StoreLayout): readonly string[] {
  return readdirSync(store.root, { recursive: true, encoding: "utf8" }).sort();
}

/** Refused; then all files of the store are those of before. */
async function isRefused(
  t: ExecutionContext,
  store: StoreLayout,
  source: ImageSource,
  message: RegExp,
  code: ErrorCode,
): Promise<void> {
  const before = filesBelow(store);
  const error = await t.throwsAsync(load(store, source), { instanceOf: VarveError, code });
  t.regex(`${error.message} ${error.path ?? ""}`, message);
  t.regex(`${error.message} ${error.path ?? ""}`, /hostile|image|layer/);
  t.deepEqual(
    filesBelow(store).filter((name) => name !== "lock"),
    before,
  );
  t.deepEqual(readdirSync(store.scratch), []);
  const repository = await repositoryAt(store);
  t.deepEqual(await repository.history.listRefs("refs/"), []);
}

interface Row {
  readonly id: string;
  readonly why: string;
  readonly make: (layout: Layout) => void;
  readonly rejects?: RegExp;
  readonly code?: ErrorCode;
}

/** A good image whose parts a row changes. */
function image(
  layout: Layout,
  { config = CONFIG, layers = [], manifest = {} }: { config?: unknown; layers?: readonly unknown[]; manifest?: object } = {},
): void {
  const own = layout.blob(Buffer.isBuffer(config) ? config : (config as object), CONFIG_TYPE);
  const usual = layout.blob(gzipSync(BASE), LAYER);
  layout.index(
    layout.blob(
      { schemaVersion: 2, mediaType: MANIFEST, config: own, layers: layers.length > 0 ? layers : [usual], ...manifest },
      MANIFEST,
    ),
  );
}

const layerWith = (change: (layer: { digest: string; size: number }) => object) => (layout: Layout) => {
  const layer = layout.blob(gzipSync(BASE), LAYER);
  image(layout, { layers: [{ ...layer, ...change(layer) }] });
};
const text = (json: string) => (layout: Layout) => image(layout, { config: Buffer.from(json) });
const CONFIG_TEXT = JSON.stringify(CONFIG);

const rows: readonly Row[] = [
  { id: "0", why: "an image that is as it should be", make: (layout) => image(layout) },
  {
    id: "104",
    why: "a layer's digest wrong by a byte",
    make: layerWith(({ digest }) => ({ digest: digest.replace(/.$/, (last) => (last === "0" ? "1" : "0")) })),
    rejects: /missing/,
  },
  {
    id: "104",
    why: "a layer with one byte more",
    make: (layout) => {
      const layer = layout.blob(gzipSync(BASE), LAYER);
      writeFileSync(layout.file(layer.digest.slice(7)), "x", { flag: "a" });
      image(layout, { layers: [{ ...layer, size: layer.size + 1 }] });
    },
    rejects: /digest|layer 1/,
  },
  ...[1, -1].map((by): Row => ({
    id: "104",
    why: `a size that is ${by} off`,
    make: layerWith(({ size }) => ({ size: size + by })),
    rejects: /bytes, expected/,
  })),
  ...[-1, 2 ** 53 + 2, 1.5, "10", null].map((size): Row => ({
    id: "104",
    why: `a size of ${JSON.stringify(size)}`,
    make: layerWith(() => ({ size })),
    rejects: /descriptor/,
  })),
  {
    id: "105",
    why: "a wrong DiffID",
    make: (layout) =>
      image(layout, { config: { ...CONFIG, rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] } } }),
    rejects: /layer 1 of the image.*has the digest/,
  },
  {
    id: "106",
    why: "more DiffIDs than layers",
    make: (layout) => image(layout, { config: { ...CONFIG, rootfs: { type: "layers", diff_ids: [DIFF_ID, DIFF_ID] } } }),
    rejects: /2 DiffIDs, its manifest 1/,
  },
  {
    id: "106",
    why: "a history of more layers",
    make: (layout) => image(layout, { config: { ...CONFIG, history: [{}, {}] } }),
    rejects: /history tells of 2/,
  },
  {
    id: "106",
    why: "a history of empty layers alone",
    make: (layout) => image(layout, { config: { ...CONFIG, history: [{ empty_layer: true }] } }),
    rejects: /history tells of 0/,
  },
  {
    id: "106",
    why: "an entry of a history that is larger than any",
    make: (layout) => image(layout, { config: { ...CONFIG, history: [{ created_by: "x".repeat(200_000) }] } }),
    rejects: /entry of its history/,
  },
  ...["blake3:", "md5:", "sha256+b64:", "SHA256:", ""].map((algorithm): Row => ({
    id: "107",
    why: `the algorithm ${JSON.stringify(algorithm)}`,
    make: layerWith(({ digest }) => ({ digest: digest.replace("sha256:", algorithm) })),
    rejects: /descriptor/,
  })),
  {
    id: "107",
    why: "a digest in capitals",
    make: layerWith(({ digest }) => ({ digest: `sha256:${digest.slice(7).toUpperCase().replace(/\d/g, "A")}` })),
    rejects: /descriptor/,
  },
  {
    id: "109",
    why: "a manifest that is an index, too",
    make: (layout) => image(layout, { manifest: { manifests: [] } }),
    rejects: /both a manifest and an index/,
  },
  {
    id: "110",
    why: "a manifest of another type than the index says",
    make: (layout) => image(layout, { manifest: { mediaType: INDEX } }),
    rejects: /a document says/,
  },
  {
    id: "110",
    why: "schema 1",
    make: (layout) => image(layout, { manifest: { schemaVersion: 1 } }),
    rejects: /schema 1/,
    code: "UNSUPPORTED",
  },
  { id: "111", why: "10^5 manifests", make: (layout) => layout.index(...many(layout)), rejects: /expected at most/ },
  { id: "112", why: "a key twice", make: text(CONFIG_TEXT.replace("{", '{"os":"windows",')), rejects: /"os" twice/ },
  {
    id: "112",
    why: "a key twice, once escaped",
    make: text(CONFIG_TEXT.replace("{", String.raw`{"\u006fs":"windows",`)),
    rejects: /"os" twice/,
  },
  { id: "112", why: "a BOM", make: text(`\uFEFF${CONFIG_TEXT}`), rejects: /no JSON/ },
  { id: "112", why: "NaN", make: text(CONFIG_TEXT.replace("{", '{"a":NaN,')), rejects: /no JSON/ },
  { id: "112", why: "a trailing comma", make: text(`${CONFIG_TEXT.slice(0, -1)},}`), rejects: /no JSON/ },
  {
    id: "112",
    why: "nesting of 10^5",
    make: text(CONFIG_TEXT.replace("{", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)},`)),
    rejects: /nested/,
  },
  {
    id: "112",
    why: "bytes that are no UTF-8",
    make: (layout) => image(layout, { config: Buffer.from(CONFIG_TEXT.replace("linux", "\xff"), "latin1") }),
    rejects: /UTF-8/,
  },
  {
    id: "112",
    why: "keys of prototypes",
    make: text(CONFIG_TEXT.replace("{", '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},')),
  },
  { id: "112", why: "a number of 1e400", make: text(CONFIG_TEXT.replace("{", '{"a":1e400,')) },
  ...[null, [], "x", 5].map((config): Row => ({
    id: "117",
    why: `the config ${JSON.stringify(config)}`,
    make: text(JSON.stringify(config)),
    rejects: /no JSON object/,
  })),
  ...[
    null,
    [],
    "x",
    {},
    { type: "layers" },
    { type: "other", diff_ids: [] },
    { type: "layers", diff_ids: "x" },
    { type: "layers", diff_ids: [5] },
  ].map((rootfs): Row => ({
    id: "117",
    why: `the rootfs ${JSON.stringify(rootfs)}`,
    make: (layout) => image(layout, { config: { ...CONFIG, rootfs } }),
    rejects: /rootfs|DiffIDs/,
  })),
  ...["x", {}, [5], [null], [[]]].map((history): Row => ({
    id: "117",
    why: `the history ${JSON.stringify(history)}`,
    make: (layout) => image(layout, { config: { ...CONFIG, history } }),
    rejects: /history/,
  })),
  {
    id: "117",
    why: "a history of wrong types",
    make: (layout) =>
      image(layout, {
        config: { ...CONFIG, created: 5, author: [], history: [{ created: {}, author: 7, comment: [], created_by: { a: 1 } }] },
      }),
  },
  {
    id: "117",
    why: "a time that is none, an author with control characters",
    make: (layout) =>
      image(layout, {
        config: { ...CONFIG, history: [{ created: "yesterday", author: "\u001b[31m<x>\n<", created_by: "\u001b[2Jx" }] },
      }),
  },
  {
    id: "117",
    why: "a config of 10 GB",
    make: (layout) => {
      const config = layout.blob(CONFIG, CONFIG_TYPE);
      truncateSync(layout.file(config.digest.slice(7)), 10 * 2 ** 30);
      layout.index(layout.blob({ schemaVersion: 2, config: { ...config, size: 10 * 2 ** 30 }, layers: [] }, MANIFEST));
    },
    rejects: /bytes, expected at most/,
  },
  { id: "113", why: "data that is not the blob", make: layerWith(() => ({ data: "!!!" })) },
  {
    id: "114",
    why: "a layer that stands elsewhere",
    make: (layout) =>
      image(layout, {
        layers: [
          { mediaType: LAYER, digest: `sha256:${"a".repeat(64)}`, size: 5, urls: ["file:///etc/passwd", "http://127.0.0.1:9/x"] },
        ],
      }),
    rejects: /is missing/,
  },
  {
    id: "118",
    why: "another version",
    make: (layout) => {
      image(layout);
      layout.write("oci-layout", { imageLayoutVersion: "2.0.0" });
    },
    rejects: /version is "2.0.0"/,
  },
  {
    id: "118",
    why: "a symlink in the place of index.json",
    make: (layout) => {
      image(layout);
      rmSync(path.join(layout.path, "index.json"));
      symlinkSync("/etc/passwd", path.join(layout.path, "index.json"));
    },
    rejects: /neither|symbolic/,
  },
  {
    id: "118",
    why: "a FIFO in the place of a layer",
    make: (layout) => {
      const layer = layout.blob(gzipSync(BASE), LAYER);
      image(layout, { layers: [layer] });
      rmSync(layout.file(layer.digest.slice(7)));
      execFileSync("mkfifo", [layout.file(layer.digest.slice(7))]);
    },
    rejects: /no regular file/,
  },
];

function many(layout: Layout): ReturnType<Layout["blob"]>[] {
  const one = layout.blob({}, MANIFEST);
  return Array.from({ length: 100_000 }, () => one);
}

for (const { id, why, make, rejects, code = "SOURCE_INVALID" } of rows) {
  test(`load ${rejects === undefined ? "takes" : "refuses"} a layout with ${why} (${id})`, async (t) => {
    const [layout, store] = [new Layout(path.join(temporaryDirectory(t), "hostile")), temporaryStore(t)];
    make(layout);
    if (rejects !== undefined) return isRefused(t, store, { kind: "directory", path: layout.path }, rejects, code);
    const [loaded] = await load(store, { kind: "directory", path: layout.path });
    t.truthy(loaded?.commit.id);
    t.is(({} as { polluted?: unknown }).polluted, undefined);
    t.notRegex(`${loaded?.commit.message}${loaded?.commit.author.name}`, /\u001b/);
  });
}

/** An archive as docker saves it. */
function dockerArchive(manifest: unknown, ...more: readonly Buffer[]): Buffer {
  const parts = [
    file("config.json", CONFIG_TEXT),
    file("l/layer.tar", BASE.toString("latin1")),
    file("manifest.json", JSON.stringify(manifest)),
  ];
  return archive(...parts, ...more);
}

const GOOD = { Config: "config.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] };
const archives: readonly (readonly [
  id: string,
  why: string,
  bytes: () => Buffer,
  rejects: RegExp | undefined,
  code?: ErrorCode,
])[] = [
  ["0", "nothing wrong", () => dockerArchive([GOOD]), undefined],
  ...["../../x.tar", "/etc/passwd", "l/../l/layer.tar", "", "l//layer.tar", 5, null].map(
    (name) =>
      [
        "115",
        `the layer ${JSON.stringify(name)}`,
        () => dockerArchive([{ ...GOOD, Layers: [name] }]),
        /has no Layers that name/,
      ] as const,
  ),
  ["115", "no Config", () => dockerArchive([{ ...GOOD, Config: undefined }]), /has no Config/],
  ["115", "a Config that is missing", () => dockerArchive([{ ...GOOD, Config: "x.json" }]), /x\.json is missing/],
  ["115", "a layer that is missing", () => dockerArchive([{ ...GOOD, Layers: ["x.tar"] }]), /"x\.tar", is missing/],
  [
    "115",
    "a layer that is a symlink out of it",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "../../etc/passwd")),
    /symbolic link/,
  ],
  [
    "115",
    "a layer that is an absolute symlink",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "/etc/passwd")),
    /symbolic link/,
  ],
  [
    "115",
    "a layer that is a symlink to itself",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "s")),
    /symbolic link/,
  ],
  ["115", "a layer that is a hardlink", () => dockerArchive([GOOD], hardlink("h", "l/layer.tar")), /hardlink/],
  ["115", "a member twice", () => dockerArchive([GOOD], file("config.json", "{}")), /config\.json.*twice/],
  ["115", "a member twice, once with ./", () => dockerArchive([GOOD], file("./config.json", "{}")), /twice/],
  ["115", "a member with ..", () => dockerArchive([GOOD], file("../x", "{}")), /\.\./],
  ["115", "no image", () => dockerArchive([]), /holds none/, "SOURCE_MISSING"],
  ["115", "no list of images", () => dockerArchive({}), /no list/],
  [
    "115",
    "another DiffID",
    () => dockerArchive([{ ...GOOD, Layers: ["m"] }], file("m", archive(file("x")).toString("latin1"))),
    /layer 1 .* has the digest/,
  ],
  ...["", "a:b:c", "../x", "a\u001b:1", `${"a".repeat(300)}:1`, "A:1", "-x:1"].map(
    (name) =>
      [
        "116",
        `the name ${JSON.stringify(name)}`,
        () => dockerArchive([{ ...GOOD, RepoTags: [name] }]),
        /image/,
        "BAD_NAME",
      ] as const,
  ),
  ["116", "names that are no list", () => dockerArchive([{ ...GOOD, RepoTags: "a:1" }]), /RepoTags/],
  ["119", "text", () => Buffer.from("this is no tar".repeat(100)), /checksum/],
  ["119", "no bytes", () => Buffer.alloc(0), /empty/],
  ["119", "a root filesystem", () => BASE, /neither an oci-layout nor a manifest\.json/],
  ["119", "half of it", () => dockerArchive([GOOD]).subarray(0, 2000), /ends too early/],
];

for (const [id, why, bytes, rejects, code = "SOURCE_INVALID"] of archives) {
  test(`load ${rejects === undefined ? "takes" : "refuses"} an archive with ${why} (${id})`, async (t) => {
    const store = temporaryStore(t);
    if (rejects !== undefined) return isRefused(t, store, archiveSource(bytes()), rejects, code);
    t.deepEqual((await load(store, archiveSource(bytes())))[0]?.references, ["a:1"]);
  });
}

test("load refuses an OCI archive with a blob twice (119)", async (t) => {
  const layout = new Layout(path.join(temporaryDirectory(t), "hostile"));
  image(layout);
  const names = readdirSync(layout.path, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const parts = names.map((each) => {
    const place = path.join(each.parentPath, each.name);
    return file(path.relative(layout.path, place), readFileSync(place).toString("latin1"));
  });
  t.is((await load(temporaryStore(t), archiveSource(archive(...parts)))).length, 1);
  const blob = names.find((each) => /^[0-9a-f]{64}$/.test(each.name))!;
  await isRefused(
    t,
    temporaryStore(t),
    archiveSource(archive(...parts, file(`blobs/sha256/${blob.name}`, "other"))),
    /twice/,
    "SOURCE_INVALID",
  );
});
