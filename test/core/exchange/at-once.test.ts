import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { atOnce } from "../../../core/exchange/at-once.js";

test("atOnce() begins all items in their order, so many at a time", async (t) => {
  const begun: number[] = [];
  let [now, most] = [0, 0];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    most = Math.max(most, (now += 1));
    await sleep(5);
    now -= 1;
  };
  await atOnce([0, 1, 2, 3, 4, 5, 6], 3, work, () => t.fail());
  t.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6]);
  t.is(most, 3);
  await atOnce([], 3, work, () => t.fail());
});

test("atOnce() throws the first failure when all that were begun have ended, and begins no more", async (t) => {
  const ended: number[] = [];
  let stopped = 0;
  const work = async (item: number): Promise<void> => {
    await sleep(item === 1 ? 5 : 30);
    ended.push(item);
    if (item >= 1) throw new RangeError(String(item));
  };
  const stop = (failure: unknown): void => {
    stopped += 1;
    t.is((failure as Error).message, "1");
  };
  await t.throwsAsync(atOnce([0, 1, 2, 3, 4], 3, work, stop), { message: "1" });
  t.deepEqual(ended, [1, 0, 2]);
  t.is(stopped, 1);
});
