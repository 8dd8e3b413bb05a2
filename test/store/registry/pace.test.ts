import test from "ava";
import { PACE, retryAfter, waitBeforeRetry } from "../../../store/registry/pace.js";

test("retryAfter() reads seconds and dates", (t) => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  t.is(retryAfter("0", now), 0);
  t.is(retryAfter("120", now), 120_000);
  t.is(retryAfter("1000000000", now), 1e12);
  t.is(retryAfter("Fri, 27 Nov 2026 12:00:30 GMT", now), 30_000);
  t.is(retryAfter("Fri, 27 Nov 2026 11:00:00 GMT", now), 0);
  t.true(retryAfter("9".repeat(400), now)! > 1e15);
  t.is(retryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now), 0);
  t.true(retryAfter("Fri, 31 Dec 9999 23:59:59 GMT", now)! > 1e14);
  for (const header of [undefined, "", "soon", "NaN", "-1", "1.5", "+99999", "1e9", "0, 99999"])
    t.is(retryAfter(header, now), undefined);
});

test("waitBeforeRetry() waits longer each time, and at least what was asked for", async (t) => {
  const pace = { ...PACE, firstDelay: 20, longestDelay: 60 };
  const time = async (failures: number, least = 0): Promise<number> => {
    const begun = performance.now();
    await waitBeforeRetry(pace, failures, least, new AbortController().signal);
    return performance.now() - begun;
  };
  t.true((await time(1)) >= 9);
  t.true((await time(2)) >= 19);
  t.true((await time(1, 100)) >= 99);
});

test("waitBeforeRetry() ends at once when it is interrupted", async (t) => {
  const stop = new AbortController();
  const wait = waitBeforeRetry(PACE, 5, 60_000, stop.signal);
  stop.abort();
  await t.throwsAsync(wait);
});
