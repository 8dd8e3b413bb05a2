import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type ExecutionContext } from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import { loadImages, type LoadedImage } from "../../../core/exchange/load-images.js";
import type { ImageSource } from "../../../core/ports/images.js";
import { repositoryAt } from "../../../cli/open-repository.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { inPieces } from "../tar/import-bytes.js";
import { archive, file } from "../tar/raw-tar.js";
import type { Layout } from "./layout-on-disk.js";
import { LAYER, MANIFEST } from "./layout-on-disk.js";

export const BASE: Buffer = archive(file("etc-motd", "hi"));
const hexOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
export const DIFF_ID: string = `sha256:${hexOf(BASE)}`;
export const CONFIG: { os: string; architecture: string; rootfs: { type: string; diff_ids: string[] } } = {
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: [DIFF_ID] },
};
export const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";

export async function load(store: StoreLayout, source: ImageSource): Promise<readonly LoadedImage[]> {
  return loadImages(await repositoryAt(store), source, { command: "load", keepBytes: Infinity });
}

export function archiveSource(bytes: Buffer): ImageSource {
  return { kind: "archive", name: '"hostile.tar"', path: undefined, stream: inPieces(bytes) };
}

function filesBelow(store: StoreLayout): readonly string[] {
  return readdirSync(store.root, { recursive: true, encoding: "utf8" }).sort();
}

/** Refused; then all files of the store are those of before. */
export async function isRefused(
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

/** A good image whose parts a row changes. */
export function image(
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
