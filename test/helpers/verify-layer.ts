import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { LayerImages } from "../../store/erofs/layer-images.js";
import { ImageVerifier } from "../../store/erofs/verify-image.js";

/** What `fsck` says of one layer image, its contents included. @param file The images of its devices are looked for beside it. */
export function verifyLayer(file: string, id: LayerId): readonly LayerFault[] {
  const images = new LayerImages(path.dirname(file));
  try {
    return new ImageVerifier(images, () => undefined).verify({ id, share: 0, shares: 1, content: true });
  } finally {
    images.close();
  }
}
