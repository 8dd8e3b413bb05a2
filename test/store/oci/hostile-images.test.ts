import { execFileSync } from "node:child_process";
import { rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { type ErrorCode } from "../../../core/errors.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { INDEX, LAYER, Layout, MANIFEST } from "./layout-on-disk.js";

import { BASE, CONFIG, CONFIG_TYPE, DIFF_ID, image, isRefused, load } from "./refused-image.js";
interface Row {
  readonly id: string;
  readonly why: string;
  readonly make: (layout: Layout) => void;
  readonly rejects?: RegExp;
  readonly code?: ErrorCode;
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
