import test from "ava";
import type { Setback } from "../../../core/ports/registries.js";
import { delayBeforeRetry, PACE, retryAfter } from "../../../store/registry/pace.js";
import { Setbacks } from "../../../store/registry/retry.js";

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

test("delayBeforeRetry() is longer each time, and at least what was asked for", (t) => {
  const pace = { ...PACE, firstDelay: 20, longestDelay: 60 };
  for (const [failures, least, from, to] of [
    [1, 0, 10, 20],
    [2, 0, 20, 40],
    [3, 0, 30, 60],
    [9, 0, 30, 60],
    [1, 100, 110, 120],
  ] as const)
    for (let tries = 0; tries < 20; tries += 1) {
      const delay = delayBeforeRetry(pace, failures, least);
      t.true(delay >= from && delay <= to, String(delay));
    }
});

test("Setbacks.after() tells why it waits and how long, and ends at once when it is interrupted", async (t) => {
  const stop = new AbortController();
  const pace = { ...PACE, firstDelay: 60_000, longestDelay: 60_000 };
  const told: Setback[] = [];
  const patience = { pace, signal: stop.signal, onSetback: (setback: Setback) => void told.push(setback) };
  const wait = new Setbacks("registry.test", patience).after(Object.assign(new Error("cut"), { code: "ECONNRESET" }));
  stop.abort();
  await t.throwsAsync(wait, { code: "INTERRUPTED" });
  t.is(told.length, 1);
  t.regex(told[0]!.reason, /^Cannot reach the registry "registry\.test": /);
  t.true(told[0]!.milliseconds >= 30_000);
});
