import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import type { Tree } from "../../../core/model/tree.js";
import { writeLayer } from "../../../core/layers/write-layer.js";
import type { LayerImageFile, LayerStore, LayerWriter } from "../../../core/ports/layer-store.js";
import { MNT_DETACH, mount, MS_RDONLY, unmount } from "../../../linux/mount.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { storeLayout } from "../../../store/store-layout.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";

export interface LayerFixture {
  readonly store: LayerStore;
  readonly layers: string;
  readonly scratch: string;
}

/** An empty layer store, removed after the test. */
export function layerFixture(t: ExecutionContext): LayerFixture {
  const layout = storeLayout(temporaryDirectory(t));
  const { layers, scratch } = layout;
  mkdirSync(layers, { recursive: true });
  mkdirSync(scratch);
  return { store: openLayerStore(layout), layers, scratch };
}

/** Publishes what makes the chain add up to the tree. @param kept As in LayerStore.write. @returns The longer chain, newest first. */
export async function addLayer(
  store: LayerStore,
  chain: readonly LayerId[],
  target: Tree,
  kept?: ReadonlySet<LayerId>,
): Promise<LayerId[]> {
  const base = store.openTree(chain);
  const writer = store.write(chain, kept);
  try {
    await writeLayer(writer, base, target);
    return [writer.publish().id, ...chain];
  } finally {
    writer.abort();
    base.close();
  }
}

export async function addDescribed(
  store: LayerStore,
  chain: readonly LayerId[],
  entries: readonly DescribedEntry[],
  kept?: ReadonlySet<LayerId>,
): Promise<LayerId[]> {
  return addLayer(store, chain, memoryTree(entries), kept);
}

/** Publishes a layer whose root was filled by hand. */
export function publish(store: LayerStore, chain: readonly LayerId[], fill: (writer: LayerWriter) => void): LayerId {
  const writer = store.write(chain);
  try {
    fill(writer);
    return writer.publish().id;
  } finally {
    writer.abort();
  }
}

/** Mounts an image, with its devices, by mount(2). @returns The mount point, unmounted after the test. */
export function mountImage(t: ExecutionContext, { path: source, devices }: LayerImageFile): string {
  const target = mkdtempSync(path.join(temporaryDirectory(t), "mount-"));
  mount({ source, target, type: "erofs", flags: MS_RDONLY, data: devices.map((device) => `device=${device}`).join(",") });
  t.teardown(() => unmount(target, MNT_DETACH));
  return target;
}

/** Mounts overlayfs over mounted layers, newest first, read-only. */
export function mountOverlay(t: ExecutionContext, layers: readonly string[], options = ""): string {
  const target = mkdtempSync(path.join(temporaryDirectory(t), "overlay-"));
  mount({
    source: "overlay",
    target,
    type: "overlay",
    flags: MS_RDONLY,
    data: `metacopy=on,redirect_dir=on,lowerdir=${layers.join(":")}${options}`,
  });
  t.teardown(() => unmount(target, MNT_DETACH));
  return target;
}

/** @returns A directory with a filesystem of its own, unmounted after the test. */
export function mountTmpfs(t: ExecutionContext, data: string): string {
  const target = temporaryDirectory(t);
  mount({ source: "none", target, type: "tmpfs", data });
  t.teardown(() => unmount(target, MNT_DETACH));
  return target;
}

/** What find(1), getfattr(1) and sha256sum(1) say of all that stands below a directory; link counts of directories left out. */
export function witness(directory: string): Record<"entries" | "xattrs" | "digests", string[]> {
  const run = (command: string): string[] =>
    execFileSync("sh", ["-c", command], { cwd: directory, encoding: "latin1", maxBuffer: 1 << 30 })
      .split("\0")
      .sort();
  return {
    entries: run(
      "find . ! -type d -printf '%P %y %m %U %G %s %T@ %n %l\\0' -o -printf '%P %y %m %U %G %T@\\0'; find . -type b -exec stat --printf '%n %t:%T\\0' {} + -o -type c -exec stat --printf '%n %t:%T\\0' {} +",
    ),
    xattrs: run("getfattr -R -P -h -d -m - -e hex . 2>/dev/null | tr '\\n' '\\001' | sed 's/\\x01\\x01/\\x00/g'"),
    digests: run("find . -type f -print0 | xargs -0 -r sha256sum -z"),
  };
}

/** `undefined` when fsck.erofs accepts the image; else what it says. */
export function fsckErofs({ path: image, devices }: LayerImageFile): string | undefined {
  try {
    execFileSync("fsck.erofs", [...devices.map((device) => `--device=${device}`), "--extract", image], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `${stdout.toString()}${stderr.toString()}`;
  }
}
