import type { Images } from "../core/ports/images.js";
import { readersScratch } from "./scratch.js";
import type { StoreLayout } from "./store-layout.js";

/** Each part is loaded when it is needed. */
export function imagesAt(layout: StoreLayout): Images {
  return {
    open: async (...parts) =>
      (await import("./oci/open-images.js")).openImages(layout, ...parts, readersScratch(layout, "archive")),
    readLayer: async (...parts) => (await import("./oci/read-layer.js")).readLayer(layout, ...parts),
    async *layerTar(...parts) {
      yield* (await import("./oci/layer-tar.js")).layerTar(...parts);
    },
    async *compressed(stream) {
      yield* (await import("./tar/gzip-stream.js")).gzipped(stream);
    },
    sent: async () => new (await import("./oci/sent-tars.js")).StoredSentTars(layout.sent),
    writeArchive: async (...parts) => (await import("./oci/write-images.js")).writeArchive(...parts),
    writeHistory: async (...parts) => (await import("./oci/write-images.js")).writeHistory(...parts),
    writeLayout: async (...parts) => (await import("./oci/write-images.js")).writeLayout(...parts),
  };
}
