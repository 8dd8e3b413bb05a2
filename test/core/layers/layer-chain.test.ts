import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { CommitId } from "../../../core/model/ids.js";
import { layerChain } from "../../../core/layers/layer-chain.js";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { commitChain, commitDraft } from "../../helpers/commit-drafts.js";

test("layerChain() gives the layers of the first parents, newest first", async (t) => {
  const history = memoryHistory();
  const ids = await commitChain(history, 3);
  const side = await history.writeCommit(commitDraft(50, [ids[0] as CommitId]));
  const merge = await history.writeCommit(commitDraft(9, [ids[2] as CommitId, side]));
  const numbers = (await layerChain(history, merge)).map((layer) => Number.parseInt(layer, 16));
  t.deepEqual(numbers, [9, 3, 2, 1]);
});

test("layerChain() of a history that leads back to itself throws STORE_DAMAGED", async (t) => {
  const history = memoryHistory();
  const [first, second] = (await commitChain(history, 2)) as [CommitId, CommitId];
  const forged = Object.assign(Object.create(history) as typeof history, {
    readCommit: async (id: CommitId) => ({ ...(await history.readCommit(id)), parents: [id === first ? second : first] }),
  });
  const error = await t.throwsAsync(layerChain(forged, second), { instanceOf: VarveError });
  t.is(error?.code, "STORE_DAMAGED");
});
