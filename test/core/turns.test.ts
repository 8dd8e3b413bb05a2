import test from "ava";
import { atOnce, inTurns, type Turns } from "../../core/turns.js";
import { interrupt, unheard, yieldToSignals } from "../../core/yield-to-signals.js";

/** Counts how often it went on, and notes how it ended. */
function* counting(log: string[], turns: number): Turns<number> {
  try {
    for (let turn = 0; turn < turns; turn += 1) yield;
    return turns;
  } catch (error) {
    log.push("taken back");
    throw error;
  }
}

// Serial: an interruption is the process's.
test.serial("atOnce() and inTurns() give what the work returns; what does not yield costs no promise", async (t) => {
  t.is(atOnce(counting([], 3)), 3);
  t.is(inTurns(counting([], 0)), 0);
  const pending = inTurns(counting([], 3));
  t.true(pending instanceof Promise);
  t.is(await pending, 3);
});

test.serial("inTurns() throws an interruption where the work stands, which takes back what it began", async (t) => {
  const log: string[] = [];
  interrupt("SIGINT");
  await t.throwsAsync(async () => inTurns(counting(log, 3)), { code: "INTERRUPTED" });
  t.deepEqual(log, ["taken back"]);
});

test.serial("unheard() does its work to the end although a signal came, and only that", async (t) => {
  interrupt("SIGINT");
  t.is(await unheard(async () => inTurns(counting([], 3))), 3);
  await t.throwsAsync(yieldToSignals, { code: "INTERRUPTED" });
});
