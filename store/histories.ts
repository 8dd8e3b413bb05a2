import type { Histories } from "../core/ports/histories.js";
import type { StoreLayout } from "./store-layout.js";

/** Each part is loaded when it is needed: few commands send or take histories. */
export function historiesAt(layout: StoreLayout): Histories {
  return {
    outgoing: async (...parts) => (await import("./oci/outgoing-history.js")).outgoingHistory(layout, ...parts),
    receiveLayer: async (...parts) => (await import("./layers/receive-layer.js")).receiveLayer(layout, ...parts),
    receiveTar: async (...parts) => (await import("./blobs/receive-tar.js")).receiveTar(layout, ...parts),
    openTrees: async () => new (await import("./maintenance/checkpointed-trees.js")).CheckpointedTrees(layout),
  };
}
