import type { Random } from "./random.js";

/** What came of an execution: `read`, or `refused` and the code of the VarveError. Anything else that is thrown is a finding. */
export type Outcome = string;

/** One reader of strangers' bytes. */
export interface FuzzTarget<Input = unknown> {
  readonly name: string;
  /** The input of one execution, from the random numbers alone. */
  mutate(random: Random): Input;
  /** @throws Whatever the reader throws but VarveError. */
  execute(input: Input): Outcome | Promise<Outcome>;
  /** An input as a file of fixtures/fuzz/crashers, and back. */
  save(input: Input): { readonly name: string; readonly bytes: Buffer };
  load(name: string, bytes: Buffer): Input;
  /** Removes what it keeps on the disk. */
  dispose(): void;
}

/** A promise of the reader that does not hold, though nothing was thrown. */
export class BrokenPromise extends Error {}

export function hold(condition: boolean, promise: string): void {
  if (!condition) throw new BrokenPromise(promise);
}
