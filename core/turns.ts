import { yieldToSignals } from "./yield-to-signals.js";

/**
 * Long work that is written without promises: it yields where signals may be heard, which is best asked of `isTurnDue`. An interruption is
 * thrown at the yield, so that what the work has begun is taken back as after any failure.
 */
export type Turns<T> = Generator<void, T, void>;

/** Does it without hearing signals. */
export function atOnce<T>(work: Turns<T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/**
 * Does it, hearing signals wherever it yields.
 * @returns A promise only when it has yielded: work that is short, as most is, costs none.
 * @throws VarveError INTERRUPTED.
 */
export function inTurns<T>(work: Turns<T>): T | Promise<T> {
  const step = work.next();
  return step.done ? step.value : goOn(work);
}

async function goOn<T>(work: Turns<T>): Promise<T> {
  for (;;) {
    const step = await nextStep(work);
    if (step.done) return step.value;
  }
}

async function nextStep<T>(work: Turns<T>): Promise<IteratorResult<void, T>> {
  try {
    await yieldToSignals();
  } catch (error) {
    return work.throw(error);
  }
  return work.next();
}
