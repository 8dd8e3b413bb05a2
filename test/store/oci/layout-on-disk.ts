import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { openLayout } from "../../../store/oci/open-layout.js";
import { describeTree } from "../../contracts/described-tree.js";

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

export interface Written {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [key: string]: unknown;
}

/** A layout on the disk. */
export class Layout {
  readonly path: string;
  readonly scratch: string;

  /** @param place A directory that is empty. */
  constructor(place: string) {
    this.path = path.join(place, "image");
    this.scratch = path.join(place, "scratch");
    mkdirSync(path.join(this.path, "blobs", "sha256"), { recursive: true });
    mkdirSync(this.scratch);
    this.write("oci-layout", { imageLayoutVersion: "1.0.0" });
  }

  write(name: string, value: unknown): void {
    writeFileSync(path.join(this.path, name), JSON.stringify(value));
  }

  blob(bytes: Buffer | object, mediaType: string, more: object = {}): Written {
    const content = Buffer.isBuffer(bytes) ? bytes : Buffer.from(JSON.stringify(bytes));
    const hex = createHash("sha256").update(content).digest("hex");
    writeFileSync(this.file(hex), content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length, ...more };
  }

  file(hex: string): string {
    return path.join(this.path, "blobs", "sha256", hex);
  }

  image(layers: readonly Buffer[], more: object = {}): Written {
    const config = this.blob({ os: "linux" }, "application/vnd.oci.image.config.v1+json");
    const written = layers.map((bytes, at) => this.blob(at % 2 === 0 ? gzipSync(bytes) : bytes, LAYER));
    return this.blob({ schemaVersion: 2, config, layers: written }, MANIFEST, more);
  }

  /** An image whose config tells of its layers, as those that tools make. @param config More of it. */
  whole(layers: readonly Buffer[], name: string, config: object = {}): Written {
    const diffIds = layers.map((bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`);
    const value = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: diffIds }, ...config };
    const written = this.blob(value, "application/vnd.oci.image.config.v1+json");
    const blobs = layers.map((bytes) => this.blob(gzipSync(bytes), LAYER));
    const annotations = { "org.opencontainers.image.ref.name": name };
    return this.blob({ schemaVersion: 2, mediaType: MANIFEST, config: written, layers: blobs }, MANIFEST, { annotations });
  }

  index(...manifests: readonly Written[]): void {
    this.write("index.json", { schemaVersion: 2, manifests });
  }

  /** Path, and a file's content or the type. */
  async paths(image?: string): Promise<string[]> {
    const { tree } = await openLayout(this.path, image, path.join(this.scratch, "spool"));
    try {
      return describeTree(tree)
        .filter((entry) => entry["path"] !== "")
        .map((entry) => `${String(entry["path"])} ${entry["type"] === "file" ? String(entry["size"]) : String(entry["type"])}`);
    } finally {
      tree.close();
    }
  }
}
