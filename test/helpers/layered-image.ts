import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { ExecutionContext } from "ava";
import type { BlobDescriptor } from "../../store/registry/blob-download.js";
import { RegistryClient } from "../../store/registry/registry-client.js";
import { descriptorOf, manifestOf, openBytes, OCI_MANIFEST, sha256Of } from "./pushed-image.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface LayeredImage {
  /** The lowest first. */
  readonly layers: readonly BlobDescriptor[];
  /** Of the manifest. */
  readonly digest: string;
  readonly manifest: Buffer;
}

export interface ImageParts {
  readonly repository: string;
  readonly tag: string;
  /** Bytes of the one file that each layer adds: `f0`, `f1`, …, which don't compress. */
  readonly sizes: readonly number[];
  /** Layer numbers, when one is there several times. */
  readonly order?: readonly number[];
  readonly platform?: { readonly os: string; readonly architecture: string };
  /** In place of the layers that `sizes` tells. */
  readonly tars?: readonly Buffer[];
  readonly compress?: (tar: Buffer) => Buffer;
}

/** Makes an image of plain layers with tar and gzip, and puts it into a registry. */
export async function putLayeredImage(t: ExecutionContext, host: string, parts: ImageParts): Promise<LayeredImage> {
  const { repository, tag, sizes, compress = gzipSync } = parts;
  const order: readonly number[] = parts.order ?? [...(parts.tars ?? sizes).keys()];
  const made = parts.tars?.map((tar) => ({ tar })) ?? sizes.map((size, index) => layerTar(t, index, size));
  const tars = order.map((index) => made[index]!);
  const blobs = tars.map(({ tar }) => compress(tar));
  const config = Buffer.from(
    JSON.stringify({
      created: "2001-02-03T04:05:06Z",
      ...(parts.platform ?? { os: "linux", architecture: "amd64" }),
      config: {},
      rootfs: { type: "layers", diff_ids: tars.map(({ tar }) => sha256Of(tar)) },
      history: order.map((index) => ({ created: "2001-02-03T04:05:06Z", created_by: `add f${index}` })),
    }),
  );
  const client = new RegistryClient(host, repository, { environment: {} });
  t.teardown(() => client.close());
  const whole = new Map([config, ...blobs].map((blob) => [sha256Of(blob), blob]));
  for (const blob of whole.values()) await client.putBlob(descriptorOf(blob), openBytes(blob));
  const manifest = Buffer.from(manifestOf(config, blobs).toString().replaceAll("layer.v1.tar", "layer.v1.tar+gzip"));
  const digest = await client.putManifest(tag, manifest, OCI_MANIFEST);
  return { layers: blobs.map(descriptorOf), digest, manifest };
}

function layerTar(t: ExecutionContext, index: number, size: number): { readonly tar: Buffer } {
  const folder = temporaryDirectory(t);
  mkdirSync(path.join(folder, "tree"));
  writeFileSync(path.join(folder, "tree", `f${index}`), randomBytes(size));
  const words = ["--mtime=@1000000000", "--owner=0", "--group=0", "-C", path.join(folder, "tree"), "-cf", "-", `f${index}`];
  const { status, stdout } = spawnSync("tar", words, { maxBuffer: size + (1 << 20) });
  t.is(status, 0);
  rmSync(folder, { recursive: true });
  return { tar: stdout };
}
