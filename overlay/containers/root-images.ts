import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import type { RootImages } from "../mounts/mount-plan.js";

export interface RootParts {
  /** Newest first. */
  readonly layers: readonly LayerId[];
  readonly images: readonly LayerImageFile[];
  /** Gives layers as directories, absolute paths. */
  readonly unpack?: ((layers: readonly LayerId[]) => Promise<readonly string[]>) | undefined;
}

/** What a container's root is mounted from: its images or, in a user namespace, which can't mount them, directories. */
export async function rootImages(containers: string, { layers, images, unpack }: RootParts): Promise<RootImages> {
  if (!isInUserNamespace() || unpack === undefined) return images;
  const directories = await unpack(layers);
  // Relative, as all paths that are given to the overlay: an option's value may have 255 bytes.
  return { directories: directories.map((each) => path.relative(containers, each)) };
}
