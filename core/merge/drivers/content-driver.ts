import type { ByteString } from "../../model/byte-string.js";
import type { MarkerLabels } from "../../text/merge-lines.js";

/** Whose version is taken where both sides changed the same thing. */
export type Favor = "ours" | "theirs";

/** A file that both sides changed. */
export interface DriverInput {
  /** Absent when both sides added it. */
  readonly base: ByteString | undefined;
  readonly ours: ByteString;
  readonly theirs: ByteString;
  readonly labels: MarkerLabels;
  readonly favor: Favor | undefined;
}

export interface DriverResult {
  /** With conflict markers where there are conflicts. */
  readonly content: ByteString;
  /** What the sides disagree on, one text a conflict, for people. It quotes bytes of the files: printed with care. */
  readonly conflicts: readonly string[];
}

/** Merges the contents of a file that both sides changed. */
export type ContentDriver = (input: DriverInput) => Promise<DriverResult>;
