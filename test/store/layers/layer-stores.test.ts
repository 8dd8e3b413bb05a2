import test from "ava";
import { memoryLayerStore } from "../../../store/memory/memory-layer-store.js";
import { layerStoreContract } from "../../contracts/layer-store-contract.js";
import { addDescribed, layerFixture } from "../erofs/layer-fixture.js";
import { treeContract } from "../../contracts/tree-contract.js";

layerStoreContract(test, "directory layer store", (t) => layerFixture(t).store);
layerStoreContract(test, "memory layer store", () => memoryLayerStore());

treeContract(test, "tree of a memory layer store", async (entries) => {
  const store = memoryLayerStore();
  return store.openTree(await addDescribed(store, [], entries));
});
