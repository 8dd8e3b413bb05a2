import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { joinPath, type ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode, Tree } from "../../../core/model/tree.js";
import type { LayerId } from "../../../core/model/ids.js";
import { writeLayer } from "../../../core/layers/write-layer.js";
import type { LayerStore } from "../../../core/ports/layer-store.js";
import { fileHandle } from "../../../linux/file-handle.js";
import { AT_FDCWD } from "../../../linux/open-at.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { storeLayout } from "../../../store/store-layout.js";
import type { OriginLookup } from "../../../store/directory/upper-links.js";
import { openUpperTree } from "../../../store/directory/upper-tree.js";

/** Bytes before the filesystem's own handle: version, magic, length, flags, type and the filesystem's UUID. */
const HANDLE_HEADER = 21;

/** A real overlay over a directory that a test fills. */
export class OverlayMount {
  readonly folder: string;
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  readonly merged: string;
  readonly #mounts: string[] = [];
  #layers: LayerStore | undefined;
  #layer: LayerId | undefined;

  constructor(t: ExecutionContext) {
    this.folder = mkdtempSync(path.join(tmpdir(), "varve-overlay-"));
    const at = (name: string): string => path.join(this.folder, name);
    [this.lower, this.upper, this.work, this.merged] = [at("lower"), at("upper"), at("work"), at("merged")];
    for (const directory of [this.lower, this.upper, this.work, this.merged]) mkdirSync(directory);
    t.teardown(() => this.close());
  }

  /** May be repeated. */
  close(): void {
    while (this.#mounts.length > 0) this.unmount();
    rmSync(this.folder, { recursive: true, force: true });
  }

  shell(directory: string, script: string): void {
    execFileSync("bash", ["-euc", script], { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  }

  mount(options = "index=on,metacopy=on,redirect_dir=on"): void {
    const places = `lowerdir=${this.lower},upperdir=${this.upper},workdir=${this.work}`;
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", `${places},${options}`, this.merged]);
    this.#mounts.push(this.merged);
  }

  /** Takes down what was mounted last. */
  unmount(): void {
    execFileSync("umount", [this.#mounts.pop()!]);
  }

  /** Puts a layer image of the lower directory's tree in its place. */
  async makeLayer(): Promise<void> {
    const layout = storeLayout(path.join(this.folder, "store"));
    for (const directory of [layout.layers, layout.scratch]) mkdirSync(directory, { recursive: true });
    this.#layers = openLayerStore(layout);
    const source = openDirectoryTree(this.lower);
    const empty = this.#layers.openTree([]);
    const writer = this.#layers.write([]);
    await writeLayer(writer, empty, source);
    this.#layer = writer.publish().id;
    source.close();
    empty.close();
    execFileSync("mount", ["-t", "erofs", "-o", "loop,ro", this.#layers.image(this.#layer).path, this.lower]);
    this.#mounts.push(this.lower);
  }

  /** The tree that the mount shows, read through the kernel. */
  openMerged(): Tree {
    return openDirectoryTree(this.merged);
  }

  /** The tree that we make of the upper directory. */
  async openUpper(): Promise<{ readonly tree: Tree; readonly base: Tree }> {
    if (this.#layers !== undefined) {
      const base = this.#layers.openTree([this.#layer!]);
      return { tree: await openUpperTree({ upper: this.upper, work: this.work, base }), base };
    }
    const base = openDirectoryTree(this.lower);
    const tree = await openUpperTree({ upper: this.upper, work: this.work, base, origin: originLookup(this.lower, base) });
    return { tree, base };
  }
}

/** Finds files of a plain lower directory by the handles that its filesystem gives them. */
export function originLookup(lower: string, base: Tree): OriginLookup {
  const paths = new Map<string, ByteString>();
  const visit = (directory: DirectoryNode, at: ByteString): void => {
    for (const [name, node] of directory.children()) {
      const child = joinPath(at, name);
      if ("children" in node) visit(node, child);
      else if (node.links !== undefined) {
        paths.set(Buffer.from(fileHandle(AT_FDCWD, `${lower}/${child}`)).toString("hex"), child);
      }
    }
  };
  visit(base.root, "" as ByteString);
  return (handle) => paths.get(Buffer.from(handle.subarray(HANDLE_HEADER)).toString("hex"));
}
